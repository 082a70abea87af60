"""One transaction on a platform's database, as far as it reads and writes machine rooms and notices about them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from conferences.data.database_unit_of_work import ConferencesDatabaseUnitOfWork
from conferences.data.queries import media_units_by_room
from conferences.rules.states import Unit
from domains.data.lookups import tenants_of_room
from domains.models import MachineRoom
from failover.models import RoomWatch
from failover.rules.decisions import Room, is_newer
from foundation.bus.message import Message
from foundation.bus.outbox import to_db_datetime
from foundation.bus.outgoing import Outgoing
from foundation.bus.unit_of_work import UnitOfWork
from foundation.cells import sql
from foundation.cells.directory import store_of

_HEARD = "failover_heard"


class FailoverUnitOfWork:
    """The part of a transaction that reads and writes one platform's machine rooms, and notices about them."""

    def __init__(self, uow: UnitOfWork) -> None:
        """Join the transaction of `uow`; nothing is read yet."""
        self._uow, self.database = uow, uow.database
        self.platform, self.epoch, self.is_open = uow.platform, uow.epoch, uow.is_open

    @property
    def now(self) -> datetime:
        """Return the database's time."""
        return self._uow.now

    @property
    def conferences(self) -> ConferencesDatabaseUnitOfWork:
        """Return the part of this transaction that reads and writes conferences."""
        return self._uow.part(ConferencesDatabaseUnitOfWork)

    def prepare(self, messages: Sequence[Message]) -> None:
        """Do nothing: other apps load here what a batch of messages needs, but machine room notices are rare."""

    # ---- rooms ------------------------------------------------------------------------------

    def rooms(self) -> list[MachineRoom]:
        """Return the platform's machine rooms, in the order in which they take over from each other."""
        rooms = MachineRoom.objects.using(self.database).filter(platform_id=self.platform)
        return list(rooms.order_by("order", "moid"))

    def lock_states(self) -> dict[str, Room]:
        """Lock the stored states of all machine rooms, and return them: MOID of the machine room -> state.

        The lock lets one process at a time decide about machine rooms.
        """
        watches = RoomWatch.objects.using(self.database).select_for_update().order_by("room")
        return {
            watch.room: Room(
                mode=watch.mode, abnormal=watch.abnormal, since=watch.since, number=watch.number
            )
            for watch in watches
        }

    def store_state(self, moid: str, room: Room, because: str) -> None:
        """Store the state of a machine room (`moid`). `because` says why it has changed, "" if it has not."""
        change = {"changed_at": self.now, "because": because} if because else {}
        RoomWatch.objects.using(self.database).update_or_create(
            room=moid,
            defaults={
                "abnormal": room.abnormal,
                "since": room.since,
                "number": room.number,
                **change,
            },
        )

    def units_by_room(self, default: str) -> dict[str, list[tuple[str, str, bool]]]:
        """Return the media units in each machine room: MOID of the machine room -> [(ip, pid, is online)].

        Units without a machine room are listed in the machine room `default`.
        """
        return media_units_by_room(self.database, default)

    def domains_bound_to(self, room: MachineRoom) -> list[str]:
        """Return the user domains bound to a machine room; the default room also has those that are bound to none."""
        return tenants_of_room(self.database, self.platform, room.moid, is_default=room.is_default)

    def is_room_of(self, site: str, room: str) -> bool:
        """Return whether the domain tree has this machine room (its MOID) at a site."""
        rooms = MachineRoom.objects.using(store_of(site).database)
        return rooms.filter(moid=room, platform_id=site).exists()

    def units_of(self, site: str, room: str) -> list[Unit]:
        """Return the media units of a site that stand in a machine room (its MOID)."""
        database = store_of(site).database
        rooms = MachineRoom.objects.using(database).filter(platform_id=site, is_default=True)
        default = rooms.values_list("moid", flat=True).first() or ""
        units = media_units_by_room(database, default).get(room, [])
        return [Unit(ip, pid, site) for ip, pid, _ in units]

    def mark_room(self, moid: str, abnormal: bool) -> None:
        """Mark a machine room of this platform as abnormal (no conferences are placed in it) or normal."""
        rooms = MachineRoom.objects.using(self.database)
        rooms.filter(moid=moid, platform_id=self.platform).update(abnormal=abnormal)

    # ---- notices ----------------------------------------------------------------------------

    def store_notice(
        self, subject: str, order: tuple[int, int], state: str, serving: str = ""
    ) -> bool:
        """Store a notice about the state of a machine room or platform (`subject`) if it is newer than the stored one.

        Return whether it is newer. `order`: the notice's (epoch, number), of which newer notices have
        a higher one; `serving`: the site that serves the platform.
        """
        query = f"SELECT epoch, number FROM {_HEARD} WHERE subject=%s FOR UPDATE"
        rows = sql.select(self.database, query, [subject])
        if not is_newer(rows[0] if rows else None, order):
            return False
        columns = ("subject", "epoch", "number", "state", "serving", "at")
        row: tuple[Any, ...] = (subject, *order, state, serving, to_db_datetime(self.now))
        sql.insert(self.database, _HEARD, columns, [row], columns[1:])
        return True

    def send(self, outgoing: Outgoing) -> None:
        """Add a message to the transaction; it is sent once that is committed."""
        self._uow.send(outgoing)

    def flush(self) -> None:
        """Write nothing at the end of the transaction: every change was written at once."""

    def after_commit(self) -> None:
        """Do nothing: nothing outside the database is derived from this data."""
