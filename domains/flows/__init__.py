"""Each flow does one kind of operation from beginning to end: load rows, decide by the rules, commit."""
