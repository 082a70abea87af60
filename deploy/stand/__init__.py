"""The stand: private servers and our own processes, for `make up`, for tests and for drills."""
