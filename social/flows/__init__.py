"""Flows of the app `social`: load, decide, commit."""
