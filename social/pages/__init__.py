"""The pages of the app `social`."""
