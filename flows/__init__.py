"""What conducts: flows, settings, runners, the command line.

Prefect reads these when it is imported, so they are set here: nothing is ever sent outside, and the
embedded server gets the time it needs on a small machine (measured: 11 to 15 s; its own limit is 20 s).
"""

import os

os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "90")
