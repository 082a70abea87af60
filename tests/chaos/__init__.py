"""Faults against real processes, one story each: `python -m tests.chaos [name …]`."""
