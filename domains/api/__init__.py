"""Sessions of the open platform API."""
