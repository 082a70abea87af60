"""The wish of a media unit for another name of its conference, while the conference manager has not answered."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class Rename(NamedTuple):
    """A media unit's request for a new name, about which the conference manager (CM) is being asked (CSS §5.1).

    `question_id`: the id of our question to the manager, who has to answer by `answer_by`. `request_key`, `reqid`: the
    key in the inbox, and the own id, of the unit's request.
    """

    question_id: str
    name: str
    request_key: str
    reqid: str | None
    answer_by: datetime
