"""What an agent decides, and two of them in a world of faults."""
