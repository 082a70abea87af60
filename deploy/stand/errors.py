"""What goes wrong, in one line that says what to do."""


class StandError(Exception):
    """Something did not start; the message names the log or the remedy."""
