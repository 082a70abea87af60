"""Data of the app `social`: rows, queries, units of work."""
