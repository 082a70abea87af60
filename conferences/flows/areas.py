"""Areas of meeting rooms are saved and deleted here, each in one transaction on the data of their platform.

save / delete
  -> refuse while another site serves the platform
  -> lock the areas of the user domain; refuse a name that is taken, one area too many, and one that is not there
  -> write
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db.models import QuerySet

from conferences.models import MeetingRoomArea
from foundation.bus.unit_of_work import begin
from wire.error_codes import MEANING, Err

MAX_AREAS = 500
"""A user domain has at most so many."""


class AreaRefused(Exception):
    """An area cannot be saved or deleted; `code` and `detail` say why."""

    def __init__(self, code: Err, detail: str) -> None:
        """Take the error code and the sentence that say why."""
        self.code, self.detail = code, detail
        super().__init__(detail)


@contextmanager
def _areas_locked(platform: str, user_domain: str) -> Iterator[QuerySet[MeetingRoomArea]]:
    """Open a transaction that locks the areas (groups of meeting rooms) of a user domain, and yield them as a query.

    Raises AreaRefused if another site may write the platform's data now.
    """
    with begin(platform) as uow:
        if not uow.is_open:
            raise AreaRefused(Err.NOT_SERVED, MEANING[Err.NOT_SERVED])
        rows = MeetingRoomArea.objects.using(uow.database).filter(user_domain=user_domain)
        # The query is evaluated only to take the locks.
        list(rows.select_for_update().values_list("pk"))
        yield rows


def save_area(platform: str, user_domain: str, name: str, area_id: int | None = None) -> int:
    """Save an area (group of meeting rooms) of a user domain, new (`area_id` is `None`) or renamed; return its id.

    Raises AreaRefused if the name is taken, there are too many, the id is unknown, or another site serves the
    platform.
    """
    with _areas_locked(platform, user_domain) as rows:
        others = rows.exclude(pk=area_id) if area_id else rows
        if others.filter(area=name).exists():
            raise AreaRefused(Err.NAME_TAKEN, f"area: {MEANING[Err.NAME_TAKEN]}")
        if area_id is None:
            if rows.count() >= MAX_AREAS:
                raise AreaRefused(Err.DOMAIN_LIMIT, f"area: at most {MAX_AREAS} are kept")
            return int(rows.create(user_domain=user_domain, area=name).pk)
        # MariaDB does not count a row whose name stays the same as updated.
        if not rows.filter(pk=area_id).update(area=name) and not rows.filter(pk=area_id).exists():
            raise _unknown_area()
        return area_id


def delete_area(platform: str, user_domain: str, area_id: int) -> None:
    """Delete an area, into which a user domain sorts its meeting rooms. Raises AreaRefused if there is none."""
    with _areas_locked(platform, user_domain) as rows:
        if not rows.filter(pk=area_id).delete()[0]:
            raise _unknown_area()


def _unknown_area() -> AreaRefused:
    """Return the refusal to change an area of meeting rooms that does not exist."""
    return AreaRefused(Err.NOT_FOUND, "id: there is no such area")
