"""What conducts: flows, settings, runners, the command line.

Prefect reads these when it is imported, so they are set here: nothing is ever sent outside, the embedded
server gets the time it needs on a small machine (measured: 11 to 15 s; its own limit is 20 s), and a run
says twice a minute that it lives (every three minutes otherwise), so that a dead one is soon known.
"""

import os

PREFECT_DEFAULTS = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "90",
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
}

for _name, _value in PREFECT_DEFAULTS.items():
    os.environ.setdefault(_name, _value)
