"""A flow says what happens, in order; each has a file."""
