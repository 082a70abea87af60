"""Queries of the push process run in a few threads, so that its event loop never waits for the database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import close_old_connections

P = ParamSpec("P")
R = TypeVar("R")
_THREADS = 4
_threads = ThreadPoolExecutor(_THREADS, "database")


async def in_thread(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Return the result of a function that uses the database, run in a thread. Raises what the function raises."""

    def call() -> R:
        """Call the function without database connections that have broken meanwhile."""
        close_old_connections()
        return function(*args, **kwargs)

    return await asyncio.get_running_loop().run_in_executor(_threads, call)
