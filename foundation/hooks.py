"""Hooks let an app take part in what an app below it does, without being imported by it.

The lower app defines a hook as a constant and calls it. The upper app connects a receiver to it in its
`AppConfig.connect`. There is no other way to hook into another app (docs/howto/add-a-hook.md).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Hook(Generic[P, R]):
    """A hook is a typed list of functions (receivers), each of which is called with the same arguments."""

    def __init__(self) -> None:
        self._receivers: list[Callable[P, R]] = []

    def connect(self, receiver: Callable[P, R]) -> None:
        """Add a receiver; receivers are called in the order in which they were connected."""
        self._receivers.append(receiver)

    def disconnect(self, receiver: Callable[P, R]) -> None:
        """Remove a receiver. Raises ValueError if it is not connected."""
        self._receivers.remove(receiver)

    def call(self, *args: P.args, **kwargs: P.kwargs) -> list[R]:
        """Call every connected function with these arguments, and return the results; an exception ends the calls."""
        return [receiver(*args, **kwargs) for receiver in self._receivers]


class SingleHook(Generic[P, R]):
    """A single hook has at most one receiver, for a question to which there is one answer."""

    def __init__(self) -> None:
        self._receiver: Callable[P, R] | None = None

    def connect(self, receiver: Callable[P, R]) -> None:
        """Set the receiver. Raises TypeError if there is another one already."""
        if self._receiver not in (None, receiver):
            raise TypeError(f"{receiver!r}: this hook has its receiver: {self._receiver!r}")
        self._receiver = receiver

    def disconnect(self) -> None:
        """Remove the receiver."""
        self._receiver = None

    def call(self, *args: P.args, **kwargs: P.kwargs) -> R | None:
        """Call the receiver and return its result. `None` means that no receiver is connected."""
        return self._receiver(*args, **kwargs) if self._receiver else None
