"""The error of the stand (the installation of `make up` and `make test`)."""


class StandError(Exception):
    """A part of the stand did not start. The message, one line, names the log or says what to do."""
