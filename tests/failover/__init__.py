"""Cells with real databases, real agents, and faults."""
