"""The stand is the local stack: private servers and our own processes, for `make up`, tests and drills."""
