"""Define the rules for machine rooms, states of platforms, and the refusal of operators' requests. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from failover.rules.cell_facts import Mode, RegisterRow
from wire.platforms import State

LOST_FOR = timedelta(seconds=15)
WELL_FOR = timedelta(seconds=30)
REPORT_LIVES = timedelta(seconds=5)
"""A report counts for this long; an agent writes one each second."""

# ---- rooms --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """The state of a machine room at the platform management (PMS): mode, and normal or abnormal (not to be used)."""

    mode: str = "auto"
    """auto: its media units decide; on: an operator declares it abnormal (not to be used); off: never abnormal."""
    abnormal: bool = False
    since: datetime | None = None
    """Since when its media units have shown the opposite of `abnormal`; `None`: they do not."""
    number: int = 0


def decide_room(
    room: Room, units: int, alive: int, now: datetime, *, is_another_working: bool
) -> tuple[Room, str]:
    """Decide by its media units whether a machine room is abnormal (not to be used); return state, and why it changed.

    `units`: how many media units were ever seen in it; `alive`: how many of them are not lost; `is_another_working`:
    another room is normal and has a media unit that is not lost. While none works, a room does not become abnormal:
    its conferences could go nowhere else, and its own first unit that returns can take them.
    """
    if room.mode == "on":
        return _room_in_state(room, True, "the operator says so")
    if room.mode == "off":
        return _room_in_state(room, False, "the operator says so")
    contradicts = alive > 0 if room.abnormal else units > 0 and alive == 0
    if not contradicts:
        return replace(room, since=None), ""
    since = room.since or now
    if room.abnormal and now - since >= WELL_FOR:
        return _room_in_state(room, False, f"{alive} of {units} media units for 30 s")
    if not room.abnormal and now - since >= LOST_FOR and is_another_working:
        return _room_in_state(room, True, f"all {units} media units are lost for 15 s")
    return replace(room, since=since), ""


def _room_in_state(room: Room, abnormal: bool, because: str) -> tuple[Room, str]:
    """Return the machine room as abnormal (not to be used) or normal, and the reason; "" if it was so already.

    `number` counts the changes of the room.
    """
    if room.abnormal is abnormal:
        return replace(room, since=None), ""
    return replace(room, abnormal=abnormal, since=None, number=room.number + 1), because


# ---- platforms ----------------------------------------------------------------------------------


def state_of(row: RegisterRow | None) -> State:
    """Return whether a platform is "normal" (its own site serves it, or it has no register row) or "abnormal"."""
    return "normal" if row is None or row.owner == row.home else "abnormal"


def is_newer(newest: tuple[int, int] | None, order: tuple[int, int]) -> bool:
    """Return whether a notice with the order `(epoch, number)` is newer than the newest so far; `None`: there is none.

    `epoch` grows when another site begins to serve the platform, `number` with each notice in between.
    """
    return newest is None or order > newest


def difference_of_backup(
    platform: str, backups: Sequence[str], row: RegisterRow | None, names: Names
) -> str:
    """Return in words that a platform's first backup in the domain tree is not the site with its copy; "" if it is.

    The text also says what to do. `row` is the platform's row in the register of owners.
    """
    name, wanted = _name_of(platform, names), backups[0] if backups else ""
    if wanted == (row.backup if row else ""):
        return ""
    todo = "see “Another backup” in docs/operations.md"
    if row is None:
        return f"{name} has no cell: {_name_of(wanted, names)} can not take over its data; {todo}"
    copy_site = _name_of(row.backup, names)
    if not wanted:
        return f"{name} has no backup in the tree, but its copy lies at {copy_site}, which takes over; {todo}"
    tree = f"the tree says that {_name_of(wanted, names)} backs {name} up"
    return f"{tree}, but its copy lies at {copy_site}: that site takes over until the cell is moved; {todo}"


# ---- operators ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentReport:
    """An agent report is the last report of a site's agent about its database of a platform."""

    well: bool
    age: timedelta
    role: str = ""
    lag: int | None = None
    sentence: str = ""

    @property
    def fresh(self) -> bool:
        """Return whether the report is recent, so that its agent is alive."""
        return self.age <= REPORT_LIVES


Reports = Mapping[str, AgentReport]
"""Site -> the last report of its agent."""
Names = Mapping[str, str]
"""MOID of a platform -> its name."""


def refuse_takeover(
    row: RegisterRow, reports: Reports, names: Names, *, anyway: bool = False, force: bool = False
) -> str:
    """Return why the backup must not be asked to take over a platform; "" means that it may be asked.

    `anyway` allows a takeover from a healthy site, `force` one that may lose writes.
    """
    home, backup = _name_of(row.home, names), _name_of(row.backup, names)
    if row.owner == row.backup:
        return f"{backup} serves {home} already, epoch {row.epoch}"
    if busy := _describe_open_request(row, names):
        return busy
    home_report, backup_report = reports.get(row.home), reports.get(row.backup)
    if home_report is not None and home_report.fresh and home_report.well and not anyway:
        return (
            f"{home} is healthy and serves its platform: a takeover would move its conferences for"
            " nothing. For maintenance or a drill say so (--anyway)"
        )
    if backup_report is None or not backup_report.fresh:
        return f"{backup} can not take over: its agent has not spoken for {_age_of_report(backup_report)}"
    if not (backup_report.well and backup_report.role == "copy") and not force:
        return f"{backup} can not take over: {backup_report.sentence}"
    if row.solo and not force:
        return (
            f"{home} was serving alone: the copy at {backup} may lack its last writes, from the"
            " moment on when it went solo. Who takes that on says so (--force)"
        )
    return ""


def refuse_handback(row: RegisterRow, reports: Reports, names: Names) -> str:
    """Return why a platform's own site must not get it back now; "" means that it may. `reports`: by site."""
    home, backup = _name_of(row.home, names), _name_of(row.backup, names)
    if row.owner == row.home:
        return f"{home} serves its platform already, epoch {row.epoch}"
    if busy := _describe_open_request(row, names):
        return busy
    if row.mode is Mode.MANUAL:
        return f"mode manual says that {backup} serves {home}: set the mode to auto or off first"
    report = reports.get(row.home)
    if report is None or not report.fresh:
        return f"{home} is not there: its agent has not spoken for {_age_of_report(report)}"
    if not (report.well and report.role == "copy"):
        return f"{home} is not healthy: {report.sentence}"
    if row.solo:
        return f"{backup} serves alone: the copy at {home} has not caught up yet"
    return ""


def refuse_fence(row: RegisterRow, reports: Reports, names: Names, *, force: bool = False) -> str:
    """Return why the serving site's database must not be killed so that the other site takes over.

    "" means that it may be killed. `reports`: site -> last report of its agent. `names`: MOID -> name. `force`: even if
    the copy may lack the last writes.
    """
    if busy := _describe_open_request(row, names):
        return busy
    owner, other = _name_of(row.owner, names), _name_of(row.other(row.owner), names)
    report = reports.get(row.other(row.owner))
    if report is None or not report.fresh:
        return f"{other} can not take over: its agent has not spoken for {_age_of_report(report)}"
    if not (report.well and report.role == "copy") and not force:
        return f"{other} can not take over: {report.sentence}"
    if row.solo and not force:
        return f"{owner} serves alone: the copy at {other} may lack its last writes (--force)"
    return ""


def refuse_withdrawal(row: RegisterRow, names: Names) -> str:
    """Return why there is nothing to withdraw; "" means that a request is open."""
    return "" if row.wish else f"nothing is asked for of {_name_of(row.platform, names)}"


def refuse_mode(row: RegisterRow, mode: Mode, reports: Reports, names: Names) -> str:
    """Return why the recovery mode of a platform must not become `mode`; "" means that it may."""
    if row.mode is mode:
        return f"the mode is {mode} already"
    if busy := _describe_open_request(row, names):
        return busy
    # In the mode manual the backup site serves, so this takes the platform over.
    if mode is Mode.MANUAL and row.owner == row.home:
        return refuse_takeover(row, reports, names, anyway=True)
    return ""


def _describe_open_request(row: RegisterRow, names: Names) -> str:
    """Return a sentence about the request that is open for this platform; "" means that there is none."""
    if not row.wish:
        return ""
    whose = _name_of(row.wish_by, names) or "somebody"
    return f"{whose} has just asked that {_name_of(row.wish, names)} serves it: wait for that"


def _age_of_report(report: AgentReport | None) -> str:
    """Return the age of a cell agent's last report in words."""
    return "as long as is known" if report is None else f"{report.age.total_seconds():.0f} s"


def _name_of(moid: str, names: Names) -> str:
    """Return the name of a site; its id (MOID) if the name is unknown."""
    return names.get(moid, moid)
