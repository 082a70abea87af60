"""The status of sites, cells, rooms and the time line is read as plain values, for operators."""

from __future__ import annotations

import logging
from datetime import datetime

from domains.data.queries import backups_of
from domains.models import MachineRoom, PlatformDomain
from failover.data import register_view
from failover.data.register_view import Event, RegisterView
from failover.flows import platforms
from failover.models import RoomWatch
from failover.rules.cell_facts import RegisterRow
from failover.rules.decisions import AgentReport, differs, state_of
from foundation import clock
from foundation.cells.directory import own_platform, possible_platforms

log = logging.getLogger("failover.status")


def facts(events: int = 50) -> dict[str, object]:
    """Return all of it, for the page, its script and `manage.py dr status`."""
    names = dict(PlatformDomain.objects.values_list("moid", "name"))
    at, away, line = platforms.read_register(), "", list[Event]()
    try:
        line = register_view.timeline(events)
    except register_view.Failure as error:
        away = f"the register is away ({error}): shown is what this site knows of its own cells"
    return {
        "at": moment(clock.now()),
        "here": names.get(own_platform(), own_platform()),
        "away": away if register_view.is_there() else "this deployment has no register of owners",
        "cells": [_cell(row, at, names) for row in at.rows.values()],
        "sites": _sites(at, names),
        "rooms": _rooms(names),
        "remarks": _remarks(at, names) if register_view.is_there() and not away else [],
        "events": [_event(one, names) for one in line],
    }


def remark(platform: str) -> str:
    """Return what an operator who changed a platform's backups has to do besides; empty: nothing."""
    try:
        rows = register_view.read().rows if register_view.is_there() else None
    except register_view.Failure:
        return ""
    names = dict(PlatformDomain.objects.values_list("moid", "name"))
    if rows is None:
        return ""
    return differs(platform, backups_of("default", platform), rows.get(platform), names)


def _remarks(at: RegisterView, names: dict[str, str]) -> list[str]:
    said = (differs(p, backups_of("default", p), at.rows.get(p), names) for p in sorted(names))
    return [one for one in said if one]


def moment(at: datetime) -> str:
    """Return a moment as text, in whole seconds."""
    return at.isoformat(timespec="seconds")


def _cell(row: RegisterRow, at: RegisterView, names: dict[str, str]) -> dict[str, object]:
    said = at.reports.get(row.platform, {})
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
        "copies": [_copy(site, one, names) for site, one in sorted(said.items())],
    }


def _copy(site: str, said: AgentReport, names: dict[str, str]) -> dict[str, object]:
    return {
        "site": names.get(site, site),
        "role": said.role if said.fresh else "silent",
        "well": said.well and said.fresh,
        "seconds": round(said.age.total_seconds(), 1),
        "lag": said.lag,
        "sentence": _named(said.sentence, names),
    }


def _sites(at: RegisterView, names: dict[str, str]) -> list[dict[str, object]]:
    """Return each site with the platforms that it serves, and the age of its agent's last report."""
    found = []
    for site in sorted({r.home for r in at.rows.values()} | {r.backup for r in at.rows.values()}):
        ages = [said[site].age for said in at.reports.values() if site in said]
        found.append(
            {
                "platformmoid": site,
                "name": names.get(site, site),
                "serving": [
                    names.get(r.platform, r.platform) for r in at.rows.values() if r.owner == site
                ],
                "seconds": round(min(ages).total_seconds(), 1) if ages else None,
            }
        )
    return [one for one in found if one["platformmoid"]]


def _rooms(names: dict[str, str]) -> list[dict[str, object]]:
    """Return the rooms of this site's platforms, as its PMS sees them."""
    watched = {one.room: one for one in RoomWatch.objects.all()}
    rooms = MachineRoom.objects.filter(platform_id__in=possible_platforms())
    found = []
    for room in rooms.order_by("platform_id", "order"):
        seen = watched.get(room.moid)
        found.append(
            {
                "roommoid": room.moid,
                "name": room.name,
                "platform": names.get(room.platform_id, room.platform_id),
                "abnormal": bool(seen and seen.abnormal),
                "mode": seen.mode if seen else "auto",
                "because": seen.because if seen else "",
                "ours": room.platform_id == own_platform(),
            }
        )
    return found


def _event(one: Event, names: dict[str, str]) -> dict[str, object]:
    return {
        "id": one.id,
        "at": moment(one.at),
        "platform": names.get(one.platform, one.platform),
        "site": names.get(one.site, one.site),
        "kind": one.kind,
        "epoch": one.epoch,
        "owner": names.get(one.owner, one.owner),
        "because": _named(one.because, names),
    }


def _named(sentence: str, names: dict[str, str]) -> str:
    """Return an agent's sentence with names in place of MOIDs."""
    for moid, name in names.items():
        sentence = sentence.replace(moid, name)
    return sentence
