"""Rules of calls, people, circles and moments."""
