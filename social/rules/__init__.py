"""Rules of the app `social`: pure functions and values."""
