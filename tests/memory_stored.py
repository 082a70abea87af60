"""The templates, virtual rooms and registered numbers of a platform in memory."""

from __future__ import annotations

from datetime import datetime

from conferences.rules.registry import Notice
from conferences.rules.stored import Kind, OthersOfKind, StoredConference
from wire.number_registry import RegisteredNumber


class MemoryStored:
    """The templates and virtual rooms of one platform in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, StoredConference] = {}

    def find(self, stored_id: str) -> StoredConference | None:
        """Return the template or virtual room with this id."""
        return self.kept.get(stored_id)

    def others(self, stored: StoredConference) -> OthersOfKind:
        """Return whether another one has its name, and how many there are beside it."""
        others = [other for other in self.kept.values() if other.kind is stored.kind]
        by_owner = stored.kind is Kind.PERSONAL
        beside = [o for o in others if not by_owner or o.owner == stored.owner]
        taken = any(o.name == stored.name and o.id != stored.id for o in beside)
        return OthersOfKind(taken, sum(o.user_domain == stored.user_domain for o in beside))

    def save(self, before: StoredConference | None, after: StoredConference) -> None:
        """Keep a new template or virtual room, or its next value."""
        self.kept[after.id] = after

    def delete(self, stored: StoredConference) -> None:
        """Forget a template or virtual room."""
        del self.kept[stored.id]


class MemoryRegistry:
    """A number registry in memory."""

    def __init__(self) -> None:
        self.notices: dict[tuple[str, bool], Notice] = {}

    def stage(self, notice: Notice, now: datetime) -> None:
        """Keep what is said of a number, unless something newer is known."""
        key = notice.entry.e164, notice.entry.state == "running"
        if key not in self.notices or self.notices[key].version < notice.version:
            self.notices[key] = notice

    def forget_kept(self, platform: str, version: int) -> None:
        """Forget all that is kept for a platform, and does not run."""
        for key, notice in self.notices.items():
            if notice.entry.platform == platform and not key[1] and not notice.gone:
                self.notices[key] = notice._replace(version=version, gone=True)

    def find(self, e164: str) -> tuple[RegisteredNumber, ...]:
        """Return what is known of a number; what runs comes first."""
        kept = (self.notices.get((e164, running)) for running in (True, False))
        return tuple(notice.entry for notice in kept if notice and not notice.gone)
