"""A world raises this when it is not as promised."""

from __future__ import annotations


class Broken(AssertionError):
    """An invariant of the simulation does not hold."""

    def __init__(self, name: str, description: str) -> None:
        super().__init__(f"{name}: {description}")
        self.name = name
