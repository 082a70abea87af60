"""Clocks that are set while the platform runs change nothing."""
