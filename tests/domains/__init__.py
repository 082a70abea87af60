"""The tree in a real database and a real Redis."""
