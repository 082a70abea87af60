"""A group of stories has names, and a function that runs them while their world stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator

Stories = Iterator[tuple[str, Callable[[], str]]]
"""Each story comes back with what its line of the table says; it raises where a promise is broken."""
