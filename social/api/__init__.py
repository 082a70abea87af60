"""The HTTP API of the app `social`."""
