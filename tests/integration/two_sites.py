"""Two sites in one process: real data, real Redis, the real code of both; the post between them by hand.

What a broker would do, `TwoSites` does: it takes what a site's relay sends, and hands it to whoever
reads that queue at that site. Both sites look at the same rows, as if copies were made at once; who
serves a platform is what its `stores_cell` row says, as a cell agent would write it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import orjson
from django.conf import settings
from django.db import connections

from conferences.api import own_manager, pool_requests
from conferences.data import queries
from conferences.data.database_unit_of_work import ConferencesDatabaseUnitOfWork
from conferences.flows import due, takeover
from conferences.rules.states import Conference
from domains.management.commands.load_demo import DEMO_TENANT
from foundation import clock
from foundation.bus.delivery import Delivery, Outcome
from foundation.bus.dispatch import handle_batch
from foundation.bus.envelope import envelope_of_amqp
from foundation.bus.message import dumps
from foundation.bus.outbox import OutboxRow, new_row
from foundation.bus.outgoing import Send
from foundation.bus.relay import send_due_rows
from foundation.bus.unit_of_work import begin
from foundation.cells import sql
from foundation.cells.directory import possible_platforms, store_of
from foundation.logs import REQUEST_ID_HEADER
from media_unit.simulated_faults import FaultyUnit
from media_unit.simulated_unit import SimulatedUnit, UnitDescription
from wire.routes import Routes, unit_key

Body = dict[str, Any]
Letter = tuple[str, OutboxRow]
"""On whose broker, and what."""

WEST = "30000000-0000-4000-8000-000000000003"
_TO_CSS = (
    *(Routes.CM_TO_CSS, Routes.CM_TO_UNIT, Routes.UNIT_TO_CSS),
    *(Routes.RMS_TO_CSS, Routes.TO_NPP),
)
_CSS = {route.value.queue for route in _TO_CSS}
_RMS = {r.value.queue for r in (Routes.TO_RMS, Routes.NODE_TO_RMS)}
_QUEUES = {(r.value.exchange, r.value.key): r.value.queue for r in Routes}


class TwoSites:
    """East has the test's own database, west another one; each has a simulated unit."""

    def __init__(self, east: str, urls: tuple[str, str]) -> None:
        """Set up both sites. Settings changed here last as long as the fixture `settings`, which comes first."""
        self.east, self.west = east, WEST
        self._stores = {east: ("default", urls[0]), WEST: ("west", urls[1])}
        self.heard: defaultdict[tuple[str, str], list[Body]] = defaultdict(list)
        """By broker and queue: what has come there for somebody who is not CSS or RMS."""
        self.passed: list[tuple[str, str, Body]] = []
        """From whose broker, with which header, what: all that went from site to site."""
        self.dead: set[str] = set()
        """Sites that are down: nothing is sent from there, or taken."""
        self.doubled: Callable[[], bool] = lambda: False
        """Does what is on its way come twice?"""
        self.units = {site: self._unit(site) for site in (east, WEST)}
        for site in (east, WEST):
            self.say(site, self.units[site].connect(clock.now()))
        self.settle()

    def _unit(self, site: str) -> FaultyUnit:
        # The same private address at both: what is meant for one must not reach the other.
        return FaultyUnit(SimulatedUnit(UnitDescription(ip="10.0.0.1", platform=site)), lambda: 0.5)

    @contextmanager
    def at(self, site: str) -> Iterator[None]:
        """Act as this site for a while."""
        # The fixture would put one layer of settings upon the other.
        changed_settings: Any = settings
        before = (
            changed_settings.PLATFORM_MOID,
            changed_settings.PLATFORM_STORES,
            changed_settings.PEERS,
        )
        changed_settings.PLATFORM_MOID = site
        changed_settings.PLATFORM_STORES = {site: self._stores[site]} | self._stores
        changed_settings.PEERS = dict.fromkeys(self._stores.keys() - {site}, "amqp://")
        try:
            yield
        finally:
            (
                changed_settings.PLATFORM_MOID,
                changed_settings.PLATFORM_STORES,
                changed_settings.PEERS,
            ) = before

    # ---- who serves ---------------------------------------------------------------------------

    def serve(self, platform: str, site: str) -> None:
        """Change the owner with a new epoch as the cell agent does, then run every site's timers once."""
        query = "UPDATE stores_cell SET owner=%s, epoch=epoch+1 WHERE platform=%s"
        sql.execute(self._stores[platform][0], query, [site, platform])
        self.tick()

    def tick(self) -> None:
        """Run the timers."""
        for site in (self.east, self.west):
            if site in self.dead:
                continue
            with self.at(site):
                takeover.follow_serving_sites()
                for platform in possible_platforms():
                    due.handle_due_conferences(platform)
                due.watch_ends_for_other_sites()
        self.settle()

    # ---- the post -----------------------------------------------------------------------------

    def tell(self, site: str, body: Body, route: Routes = Routes.CM_TO_CSS, **more: Any) -> None:
        """Publish on a site's broker, and let all that follows happen."""
        to, sender = route.value, more.pop("app_id", "cm")
        self._deliver(site, new_row(dumps(body), to.exchange, to.key, clock.now(), sender, **more))
        self.settle()

    def say(self, site: str, sends: list[Send]) -> None:
        """Let the unit of a site send a message."""
        for send in sends:
            route, mark = send.route.value, send.correlation_id
            letter = new_row(send.message, route.exchange, route.key, clock.now(), "cmu@10.0.0.1")
            self._deliver(
                site, replace(letter, properties={**letter.properties, "correlation_id": mark})
            )

    def settle(self) -> None:
        """Deliver messages until none is on its way."""
        while letters := self._collect():
            for broker, letter in letters:
                self._deliver(broker, letter)
                if self.doubled():
                    self._deliver(broker, letter)

    def _collect(self) -> list[Letter]:
        letters: list[Letter] = []
        for site in {self.east, self.west} - self.dead:
            other = self.west if site == self.east else self.east
            with self.at(site):
                for platform in possible_platforms():
                    send_due_rows(store_of(platform), self._bag(letters, site))
                    if other not in self.dead:
                        send_due_rows(store_of(platform), self._bag(letters, other, site), other)
        return letters

    def _bag(
        self, letters: list[Letter], broker: str, sender: str = ""
    ) -> Callable[[list[OutboxRow]], None]:
        def publish(rows: list[OutboxRow]) -> None:
            for outgoing in rows:
                if sender:
                    headers = outgoing.properties.get("headers") or {}
                    mark = next((name for name in headers if name != REQUEST_ID_HEADER), "")
                    self.passed.append((sender, mark, orjson.loads(outgoing.body)))
                letters.append((broker, outgoing))

        return publish

    def _deliver(self, broker: str, letter: OutboxRow) -> None:
        queue = _QUEUES.get((letter.exchange, letter.routing_key), letter.routing_key)
        if broker in self.dead:
            return
        if queue == unit_key("10.0.0.1"):
            body, unit = orjson.loads(letter.body), self.units[broker]
            mark = letter.properties.get("correlation_id", "")
            self.heard[broker, "unit"].append(body)
            if unit.is_consuming:
                self.say(broker, unit.handle(body, mark, clock.now()))
            return
        with self.at(broker):
            for outcome in self._work(broker, queue, letter):
                if not outcome.database:
                    for outgoing in outcome.rows:
                        self._deliver(outgoing.destination or broker, outgoing)

    def _work(self, broker: str, queue: str, letter: OutboxRow) -> list[Outcome]:
        headers = {"application_headers": letter.properties.get("headers") or {}}
        envelope = envelope_of_amqp(queue, {**letter.properties, **headers}, False)
        delivery = Delivery(letter.body, envelope)
        if queue in _CSS:
            return handle_batch([delivery], publish_inline=False)
        if queue in _RMS:
            return pool_requests.handle_batch(broker, [delivery])
        self.heard[broker, queue].append(orjson.loads(letter.body))
        if queue == Routes.TO_UPU.value.queue:
            return handle_batch([delivery], publish_inline=False)
        return own_manager.handle_batch(broker, [delivery]) if queue == "meeting.css.q" else []

    # ---- looking ------------------------------------------------------------------------------

    def got(self, site: str, kind: str, queue: str = "") -> list[Body]:
        """Return the messages of this type that have come to a queue of a site."""
        lists = [b for (s, q), b in self.heard.items() if s == site and queue in ("", q)]
        return [body for bodies in lists for body in bodies if body["type"] == kind]

    def forget(self) -> None:
        """Forget the messages that came so far."""
        self.heard.clear()
        self.passed.clear()

    def conference(self, e164: str) -> Conference:
        """Return the live conference with this number."""
        with self.at(self.east):
            live_conference = queries.live_by_number(e164)
        assert live_conference
        return live_conference

    def change(self, e164: str, **changes: Any) -> None:
        """Let it be otherwise, by the hand of whoever serves it."""
        for site in (self.east, self.west):
            with self.at(site), begin(self.east) as uow:
                conferences = uow.part(ConferencesDatabaseUnitOfWork)
                if uow.is_open and (c := conferences.load(e164)):
                    conferences.save(c, c.change(**changes))


def copy_tables(source: str, target: str) -> None:
    """Copy tables and rows into another database."""
    name = connections[target].settings_dict["NAME"]
    with connections[source].cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS `{name}`")
        cursor.execute(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
        cursor.execute("SHOW TABLES")
        for (table,) in cursor.fetchall():
            cursor.execute(f"CREATE TABLE `{name}`.`{table}` LIKE `{table}`")
            # IGNORE: what columns are generated from is copied, they themselves cannot be.
            cursor.execute(f"INSERT IGNORE INTO `{name}`.`{table}` SELECT * FROM `{table}`")
    connections[target].close()


def create(two: TwoSites, site: str, reqid: str = "c1") -> str:
    """Request a conference of east's tenant at a site, and return its number."""
    body = {"type": "CM_MAU_CREATECONF_REQ", "moid": DEMO_TENANT, "confname": "story"}
    two.tell(site, {**body, "reqid": reqid}, reply_to="asker", correlation_id=reqid)
    answers = [b for b in two.heard[site, "asker"] if b["reqid"] == reqid]
    assert [b["type"] for b in answers] == ["MAU_CM_CREATECONF_ACK"], answers
    return str(answers[0]["confE164"])


def ask(two: TwoSites, site: str, kind: str, number: str, **more: object) -> list[str]:
    """Ask something as a CM; the kinds of the answers to it."""
    body = {"type": kind, "confE164": number, "reqid": f"ask-{kind}", **more}
    route = Routes.CM_TO_UNIT if kind.startswith("CM_MCU_") else Routes.CM_TO_CSS
    two.tell(site, body, route, reply_to="asker", correlation_id=f"mark-{kind}")
    return [b["type"] for b in two.heard[site, "asker"] if b.get("reqid") == f"ask-{kind}"]
