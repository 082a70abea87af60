"""People of a platform keep personal templates and virtual rooms by HTTP at the site that serves it.

A call is answered when its transaction has committed, so what was answered must be there from then on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from conferences.flows import templates
from conferences.flows.templates import StoredRefused
from conferences.rules.stored import WIRE_FIELDS, Changes, Draft, Kind, StoredConference
from tests.memory import MemoryUnitOfWork
from tests.simulation.broken import Broken
from tests.simulation.scenery import prefix_of
from wire.conference_settings import ConferenceSettings

_MOST = 2
_WISHED_NUMBERS = (None, "90004", "90005")


@dataclass(slots=True)
class People:
    """The people of one platform, and what they have been told."""

    rng: Random
    platform: str
    answered: dict[str, StoredConference] = field(default_factory=dict)
    """Id -> the template or room as the last answer gave it."""

    def act(self, data: MemoryUnitOfWork) -> bool:
        """Make, change or delete a template or room in an open transaction; return whether anything changed."""
        kept = self.rng.choice(list(self.answered.values())) if self.answered else None
        roll = self.rng.random()
        try:
            if kept is None or (roll < 0.4 and len(self.answered) < _MOST):
                made = templates.create_in(data, self._draft(), WIRE_FIELDS)
                self.answered[made.id] = made
            elif roll < 0.8:
                changes = Changes(name=f"name {roll}", e164=self._number())
                stored = self._stored(data, kept)
                self.answered[kept.id] = templates.update_in(data, stored, changes, WIRE_FIELDS)
            else:
                templates.delete_in(data, self._stored(data, kept), WIRE_FIELDS)
                del self.answered[kept.id]
        except StoredRefused:
            return False
        return True

    def _draft(self) -> Draft:
        rng = self.rng
        kind = rng.choice((Kind.PERSONAL, Kind.ROOM))
        number = self._number()
        return Draft(
            kind=kind,
            name=f"{kind} {rng.random()}",
            user_domain=f"{self.platform}-{rng.choice('12')}",
            settings=ConferenceSettings(name="kept", duration=rng.choice((1, 5))),
            owner="ann",
            e164=number if kind is Kind.ROOM or rng.random() < 0.5 else "",
        )

    def _number(self) -> str | None:
        wished = self.rng.choice(_WISHED_NUMBERS)
        return wished and prefix_of(self.platform) + wished

    def _stored(self, data: MemoryUnitOfWork, kept: StoredConference) -> StoredConference:
        stored = data.stored.find(kept.id)
        if stored != kept:
            raise Broken("kept", f"answered {kept}, kept {stored}")
        return stored

    def at_rest(self, data: MemoryUnitOfWork) -> None:
        """Check that what was answered, and nothing else of this kind, is there."""
        stored = data.stored.kept
        kept = {key: value for key, value in stored.items() if value.kind is not Kind.PUBLIC}
        if kept != self.answered:
            raise Broken("kept", f"answered {self.answered}, kept {kept}")
