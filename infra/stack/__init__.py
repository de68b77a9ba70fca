"""The whole topology of a plant on one machine, without containers: `python -m infra.stack`."""
