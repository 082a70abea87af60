"""Calls, people, circles and moments."""
