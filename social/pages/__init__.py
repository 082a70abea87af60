"""Define the pages of the app `social`."""
