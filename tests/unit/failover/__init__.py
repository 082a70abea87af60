"""Agents decide, alone and two of them in a world of faults."""
