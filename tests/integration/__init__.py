"""The real stores under several workers at once."""
