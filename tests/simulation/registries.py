"""The number registries (UPU) of the sites: how they are told, and what they must know at rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from conferences.rules import outgoing, registry_entries
from conferences.rules.registry_entries import RegistryEntry
from conferences.rules.states import Conference, ConferenceState
from conferences.rules.stored import registry_entry
from tests.memory import MemoryUnitOfWork
from tests.simulation.broken import Broken
from tests.simulation.cells import Cell, Gate
from wire.number_registry import RegisteredNumber
from wire.routes import Routes

if TYPE_CHECKING:
    from tests.simulation.place import Place
    from tests.simulation.world import World

QUEUE, EXCHANGE = Routes.TO_UPU.value.queue, Routes.TO_UPU.value.exchange


def follow(place: Place) -> None:
    """Do as `flows.number_reports.follow_serving`."""
    for platform, cell in place.cells.items():
        gate = cell.gate(place.name)
        state = (gate is Gate.OPEN, cell.sides[place.name].epoch)
        if gate not in (Gate.OPEN, Gate.CLOSED) or place.told.get(platform) == state:
            continue
        if cell is not place.own and place.own.gate(place.name) is not Gate.OPEN:
            continue
        if gate is Gate.OPEN:
            _report(place, cell)
        elif cell is not place.own:
            withdraw(place, cell)
        place.told[platform] = state


def _report(place: Place, cell: Cell) -> None:
    """Do as `flows.number_reports.report`."""
    if cell is not place.own:
        place.own.reported.add(cell.row.platform)
    data = place.begin(cell)
    for entry in kept(data):
        for notice in registry_entries.added_notices(entry):
            data.send(notice)
    for c in _running(data):
        data.send(outgoing.number_in_use_here(c))
    place.commit(cell, "numbers are reported")


def withdraw(place: Place, cell: Cell) -> None:
    """Do as `flows.number_reports.withdraw`."""
    platform, data = cell.row.platform, place.begin(place.own)
    for entry in kept(cell.data) if platform in place.own.reported else ():
        for notice in registry_entries.removed_notices(entry):
            data.send(notice)
    data.registry.forget_kept(platform, int(place.world.next_message_id(), 16))
    place.own.reported.discard(platform)
    place.commit(place.own, f"numbers of {platform} are withdrawn")


def kept(data: MemoryUnitOfWork) -> Iterator[RegistryEntry]:
    """Yield the entries of a platform's templates, rooms and reservations."""
    for stored in data.stored.kept.values():
        if entry := registry_entry(stored):
            yield entry
    yield from (book.registry_entry for book in data.reservations.books.values() if book.live)


def _running(data: MemoryUnitOfWork) -> list[Conference]:
    return [c for c in data.live.values() if c.state is ConferenceState.RUNNING]


def _facts(entry: RegisteredNumber) -> tuple[object, ...]:
    """Return the fields of an entry in the order of those of `RegistryEntry`."""
    e = entry
    return e.e164, e.conftype, e.name, e.user_domain, e.platform, e.state


def check(world: World, place: Place) -> None:
    """Check that a site's registry has what its own platform keeps, and what runs of it or here; nothing else."""
    told = place.own.data.registry.notices.items()
    entries = {key: _facts(notice.entry) for key, notice in told if not notice.gone}
    wanted = {(entry.e164, False): tuple(entry) for entry in kept(place.own.data)}
    for cell in world.cells.values():
        for c in _running(cell.data):
            if c.unit and place.name in (c.source_platform, c.unit.site):
                facts = (c.e164, c.conftype, c.name, c.user_domain, c.hosting_platform, "running")
                wanted[c.e164, True] = facts
    if entries != wanted:
        more = {key: value for key, value in entries.items() if wanted.get(key) != value}
        less = {key: value for key, value in wanted.items() if entries.get(key) != value}
        raise Broken("registry", f"{place.name} knows {more}, and not {less}")
