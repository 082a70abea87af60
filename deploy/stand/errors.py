"""The error of the stand, whose one line says what to do."""


class StandError(Exception):
    """A part of the stand did not start; the message names the log or the remedy."""
