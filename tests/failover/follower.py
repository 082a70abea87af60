"""A program that follows the events of a tenant from site to site, and must be told all of them, in order."""

from __future__ import annotations

import http.client
import itertools
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from deploy.stand.site import Site
from tests.failover.two import Two, until
from tests.http.listening import Stream
from tests.http.program import Program
from tests.stories.manager import TENANT


class Follower(threading.Thread):
    """A follower listens where the platform is served; where it is cut off it goes on at the other site."""

    def __init__(self, two: Two) -> None:
        super().__init__(daemon=True)
        self._two = two
        self._ended = threading.Event()
        self.numbers: list[int] = []
        self.resets = 0
        self.sites: set[str] = set()

    def __enter__(self) -> Self:
        self.start()
        until(lambda: self.sites, 30, "followed")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()

    def run(self) -> None:
        """Follow at one site after the other."""
        for site in itertools.cycle((self._two.east, self._two.west)):
            if self._ended.is_set():
                return
            with suppress(OSError, AssertionError, ValueError, http.client.HTTPException):
                self._follow(site)
            self._ended.wait(0.2)

    def _follow(self, site: Site) -> None:
        """Sign in at a site and listen there, from the last event on, until the stream ends."""
        program = Program(site)
        program.log_in("anna")
        since = {"Last_Event_ID": str(self.numbers[-1])} if self.numbers else {}
        stream = Stream(site.http, Cookie=program.cookie, **since)
        if stream.status != 200:
            stream.close()
            return
        self.sites.add(site.name)
        for number, _ in stream.events():
            if self._ended.is_set():
                break
            if number == "reset":
                self.resets += 1
            else:
                self.numbers.append(int(number))
        stream.close()

    def has_heard_all(self) -> None:
        """Wait until the last event was heard, and check that none was left out or came twice."""
        two = self._two
        query = "SELECT seq FROM bus_eventcounter WHERE user_domain=%s"
        ((last,),) = two.rows(two.east, two.east, query, TENANT)
        until(lambda: self.numbers and self.numbers[-1] >= int(last), 60, f"event {last} heard")
        assert self.numbers == list(range(self.numbers[0], self.numbers[-1] + 1))
        assert self.resets == 0
