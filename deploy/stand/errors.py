"""The error of the stand (the installation of `make up` and `make test`)."""


class StandError(Exception):
    """The exception says that a part of the local installation did not start.

    Its text, one line, names the log or says what to do.
    """
