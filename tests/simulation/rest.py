"""Once everything has come to rest, all are served at home, and all accounts are equal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conferences.rules.states import ConferenceState, Unit
from failover.rules.decisions import state_of
from tests.simulation import registries
from tests.simulation.broken import Broken
from tests.simulation.cells import Cell
from tests.simulation.invariants import check_held
from tests.simulation.managers import PATIENCE

if TYPE_CHECKING:
    from tests.simulation.place import Place
    from tests.simulation.world import World


def check(world: World) -> None:
    """Check the whole world. Raises Broken."""
    believed: set[tuple[Unit, str, int]] = set()
    for platform, cell in world.cells.items():
        world.managers[platform].check_answered(PATIENCE)
        believed |= world.checks[platform].at_rest(world.places[platform].units.all)
        _check_home(cell)
    for place in world.places.values():
        check_held(believed, place.units.all, place.rms.pool)
    for place in world.places.values():
        _check_rooms(place)
        registries.check(world, place)
    for platform, cell in world.cells.items():
        world.people[platform].at_rest(cell.data)
        world.managers[platform].check_kept(cell.data)
    if world.many:
        _check_notices(world)
    _check_names(world)


def _check_home(cell: Cell) -> None:
    row = cell.row
    if row.owner != row.home or row.solo:
        raise Broken("home", f"{row.platform} is served at {row.owner}, solo {row.solo}")
    if waiting := [(to, len(letters)) for to, letters in cell.outbox.items() if letters]:
        raise Broken("outbox", f"{row.platform} has {waiting} letters that nobody sends")
    for site, side in cell.sides.items():
        if side.last is not None and site != row.owner:
            raise Broken("home", f"the copy of {row.platform} at {site} lags")


def _check_notices(world: World) -> None:
    """Check that each CSS believes of platforms what the register says."""
    for place in world.places.values():
        for platform, cell in place.cells.items():
            if place.heard.states.get(platform) != state_of(cell.row):
                raise Broken("notice", f"{place.name} has not heard how {platform} is")


def _check_rooms(place: Place) -> None:
    """Check that CSS believes of rooms what the PMS has decided."""
    down = {name for name, room in place.pms.rooms.items() if room.abnormal}
    if place.own.data.abnormal_rooms != down:
        raise Broken("notice", f"{place.name} believes {place.own.data.abnormal_rooms}, not {down}")


def _check_names(world: World) -> None:
    """Check that every conference that ran has its last name, here and on its unit."""
    wished = world.ledger.wished
    for cell in world.cells.values():
        for c in cell.data.live.values():
            key = (c.unit or Unit(""), c.e164, c.incarnation)
            if c.state is ConferenceState.RUNNING and key in wished and c.name != wished[key]:
                raise Broken("name", f"{c.e164} on {c.unit} is {c.name!r}, not {wished[key]!r}")
