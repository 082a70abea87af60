"""Plugins take part in the center's work, within limits, and none of them can stop it."""
