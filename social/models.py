"""The tables of the app `social`."""
