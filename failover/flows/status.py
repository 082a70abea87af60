"""The status of sites, platforms and machine rooms, and the last changes, as plain values for pages."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TypedDict

from domains.data.queries import backups_of
from domains.models import MachineRoom, PlatformDomain
from failover.data import register_view
from failover.data.register_view import Event, RegisterView
from failover.flows import platforms
from failover.models import RoomWatch
from failover.rules.cell_facts import RegisterRow
from failover.rules.decisions import AgentReport, difference_of_backup, state_of
from foundation import clock
from foundation.cells.directory import own_platform, possible_platforms

log = logging.getLogger("failover.status")


class CopyStatus(TypedDict):
    """The last report of one site about its database of a platform."""

    site: str
    role: str
    well: bool
    seconds: float
    lag: int | None
    sentence: str


class CellStatus(TypedDict):
    """The status of a platform: which site serves it, by the register, and its database at each site (`copies`).

    Sites and platforms are given by name. `wish`: the site that is requested to serve it.
    """

    platformmoid: str
    name: str
    state: str
    epoch: int
    owner: str
    home: str
    backup: str
    protected: bool
    forced: bool
    mode: str
    wish: str
    wish_by: str
    copies: list[CopyStatus]


class SiteStatus(TypedDict):
    """A site with the platforms that it serves. `seconds`: the age of its agent's last report."""

    platformmoid: str
    name: str
    serving: list[str]
    seconds: float | None


class RoomStatus(TypedDict):
    """A status says whether a machine room is abnormal (not used), and why, by the platform monitor (PMS).

    `mode`: "on" and "off" are an operator's decision, "auto" lets its media units decide. `ours`: it belongs to this
    site's own platform.
    """

    roommoid: str
    name: str
    platform: str
    abnormal: bool
    mode: str
    because: str
    ours: bool


class EventStatus(TypedDict):
    """One change in the register of which site serves which platform; platforms and sites are given by name."""

    id: int
    at: str
    platform: str
    site: str
    kind: str
    epoch: int
    owner: str
    because: str


class Status(TypedDict):
    """The status is all that the page of sites shows and `manage.py dr status --json` prints.

    `away` says why it is incomplete: the register cannot be reached, or there is none; "" means
    complete.
    """

    at: str
    here: str
    away: str
    cells: list[CellStatus]
    sites: list[SiteStatus]
    rooms: list[RoomStatus]
    remarks: list[str]
    events: list[EventStatus]


def read_status(events: int = 50) -> Status:
    """Return the status of all platforms, sites and machine rooms, with the last `events` changes of the register.

    If the register does not answer, `away` says so, and only what this site knows by itself is shown.
    """
    names = dict(PlatformDomain.objects.values_list("moid", "name"))
    away, changes = "", list[Event]()
    view = platforms.view_of_own_databases()
    try:
        if register_view.has_register():
            view = register_view.read()
        changes = register_view.list_changes(events)
    except register_view.Failure as error:
        away = f"the register is away ({error}): shown is what this site knows of its own cells"
    return {
        "at": moment_as_text(clock.now()),
        "here": names.get(own_platform(), own_platform()),
        "away": away
        if register_view.has_register()
        else "this deployment has no register of owners",
        "cells": [_cell_status(row, view, names) for row in view.rows.values()],
        "sites": _site_statuses(view, names),
        "rooms": _room_statuses(names),
        "remarks": _backup_remarks(view, names)
        if register_view.has_register() and not away
        else [],
        "events": [_event_status(event, names) for event in changes],
    }


def backup_remark(platform: str) -> str:
    """Return what is left to do for an operator who changed a platform's backups in the domain tree.

    An empty text means nothing, or that the register of owners cannot be reached.
    """
    try:
        rows = register_view.read().rows if register_view.has_register() else None
    except register_view.Failure:
        return ""
    names = dict(PlatformDomain.objects.values_list("moid", "name"))
    if rows is None:
        return ""
    return difference_of_backup(
        platform, backups_of("default", platform), rows.get(platform), names
    )


def _backup_remarks(view: RegisterView, names: dict[str, str]) -> list[str]:
    """Return a sentence for each platform whose backup in the tree is not the site with its copy."""
    remarks = (
        difference_of_backup(
            platform, backups_of("default", platform), view.rows.get(platform), names
        )
        for platform in sorted(names)
    )
    return [text for text in remarks if text]


def moment_as_text(at: datetime) -> str:
    """Return a time as text for pages and the JSON output: ISO 8601, whole seconds."""
    return at.isoformat(timespec="seconds")


def _cell_status(row: RegisterRow, view: RegisterView, names: dict[str, str]) -> CellStatus:
    """Return which site serves a platform, and how its database is at each site, by its register row and the reports.

    `names`: MOID -> name.
    """
    reports = view.reports.get(row.platform, {})
    return {
        "platformmoid": row.platform,
        "name": names.get(row.platform, row.platform),
        "state": state_of(row),
        "epoch": row.epoch,
        "owner": names.get(row.owner, row.owner),
        "home": names.get(row.home, row.home),
        "backup": names.get(row.backup, row.backup),
        "protected": not row.solo,
        "forced": row.forced,
        "mode": row.mode.value,
        "wish": names.get(row.wish, row.wish),
        "wish_by": names.get(row.wish_by, row.wish_by),
        "copies": [_copy_status(site, report, names) for site, report in sorted(reports.items())],
    }


def _copy_status(site: str, report: AgentReport, names: dict[str, str]) -> CopyStatus:
    """Return a site's report about its database for operators; an old report gives the role "silent"."""
    return {
        "site": names.get(site, site),
        "role": report.role if report.fresh else "silent",
        "well": report.well and report.fresh,
        "seconds": round(report.age.total_seconds(), 1),
        "lag": report.lag,
        "sentence": _with_names(report.sentence, names),
    }


def _site_statuses(view: RegisterView, names: dict[str, str]) -> list[SiteStatus]:
    """Return each site with the platforms that it serves, and the age of its agent's last report."""
    sites: list[SiteStatus] = []
    for site in sorted(
        {row.home for row in view.rows.values()} | {row.backup for row in view.rows.values()}
    ):
        ages = [reports[site].age for reports in view.reports.values() if site in reports]
        sites.append(
            {
                "platformmoid": site,
                "name": names.get(site, site),
                "serving": [
                    names.get(row.platform, row.platform)
                    for row in view.rows.values()
                    if row.owner == site
                ],
                "seconds": round(min(ages).total_seconds(), 1) if ages else None,
            }
        )
    # A platform without a backup has "" in place of its backup site.
    return [entry for entry in sites if entry["platformmoid"]]


def _room_statuses(names: dict[str, str]) -> list[RoomStatus]:
    """Return for each machine room of the platforms with data at this site whether it is abnormal (not used), and why.

    "mode" says who decides that: an operator ("on": abnormal, "off": normal), or its media units ("auto"). `names`:
    MOID of a platform -> its name.
    """
    watches = {watch.room: watch for watch in RoomWatch.objects.all()}
    rooms = MachineRoom.objects.filter(platform_id__in=possible_platforms())
    entries: list[RoomStatus] = []
    for room in rooms.order_by("platform_id", "order"):
        watch = watches.get(room.moid)
        entries.append(
            {
                "roommoid": room.moid,
                "name": room.name,
                "platform": names.get(room.platform_id, room.platform_id),
                "abnormal": bool(watch and watch.abnormal),
                "mode": watch.mode if watch else "auto",
                "because": watch.because if watch else "",
                "ours": room.platform_id == own_platform(),
            }
        )
    return entries


def _event_status(event: Event, names: dict[str, str]) -> EventStatus:
    """Return a change of the register for operators: names in place of ids (MOIDs)."""
    return {
        "id": event.id,
        "at": moment_as_text(event.at),
        "platform": names.get(event.platform, event.platform),
        "site": names.get(event.site, event.site),
        "kind": event.kind,
        "epoch": event.epoch,
        "owner": names.get(event.owner, event.owner),
        "because": _with_names(event.because, names),
    }


def _with_names(sentence: str, names: dict[str, str]) -> str:
    """Return an agent's sentence with the names of platforms and sites in place of their ids (MOIDs)."""
    for moid, name in names.items():
        sentence = sentence.replace(moid, name)
    return sentence
