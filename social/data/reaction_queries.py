"""Queries for comments, for people who like a post (moment), and for notices, which are grouped. They only read.

Notices are not stored, but computed from likes and comments. So a notice disappears when its like or
comment is deleted, or when the person no longer sees the post.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from foundation import clock
from foundation.cells import sql
from social.data import timeline, viewers
from social.models import Comment, Like, Profile
from social.rules.limits import WINDOW
from social.rules.visibility import Viewer

AT_ONCE = 2000
"""Notices are grouped from this many latest likes and comments at most."""
NAMED = 3
"""A group of notices names this many people; of more it gives the number."""


def comments(database: str, viewer: Viewer, number: int, after: int, count: int) -> list[Comment]:
    """Return at most `count` comments on a post (moment) after the comment `after` (id), as `viewer` sees them."""
    rows = Comment.objects.using(database).filter(moment_id=number, id__gt=after)
    return list(rows.exclude(user__in=viewer.blocked).order_by("id")[:count])


def likers(database: str, viewer: Viewer, number: int, count: int) -> list[Like]:
    """Return the latest `count` likes of the post (moment) `number`, as the person `viewer` sees them."""
    rows = Like.objects.using(database).filter(moment_id=number)
    return list(rows.exclude(user__in=viewer.blocked).order_by("-at")[:count])


@dataclass(slots=True)
class NoticeGroup:
    """The notice about the likes, the comments or the replies (`what`) of one post (moment).

    `people` maps ids to names, the latest first.
    """

    what: str
    moment: int
    last_id: int
    people: dict[str, str] = field(default_factory=dict)

    @property
    def named(self) -> list[tuple[str, str]]:
        """Return `(id, name)` of the latest people, at most NAMED."""
        return list(self.people.items())[:NAMED]


_LIKED = (
    "(SELECT 'liked', moment_id, at, user, user_name FROM social_like"
    " WHERE author=%s AND user<>%s AND at>%s ORDER BY at DESC LIMIT {most})"
)
_COMMENTED = (
    "(SELECT 'commented', moment_id, id, user, user_name FROM social_comment"
    " WHERE author=%s AND user<>%s AND id>%s ORDER BY id DESC LIMIT {most})"
)
_REPLIED = (
    "(SELECT 'replied', moment_id, id, user, user_name FROM social_comment"
    " WHERE reply_user=%s AND user<>%s AND author<>%s AND id>%s ORDER BY id DESC LIMIT {most})"
)


def notices(database: str, user: str, now: datetime) -> list[NoticeGroup]:
    """Return a person's notices of likes, comments and replies of the last 30 days, grouped, the latest first."""
    floor = clock.id_at(now - WINDOW)
    query = " UNION ALL ".join((_LIKED, _COMMENTED, _REPLIED)).format(most=AT_ONCE)
    values = [user, user, floor, user, user, floor, user, user, user, floor]
    # The third column is the id of the like or comment, which grows with time.
    rows = sorted(sql.select(database, query, values), key=lambda row: row[2], reverse=True)
    return _seen_groups(database, user, rows) if rows else []


def _seen_groups(
    database: str, user: str, rows: Sequence[tuple[str, int, int, str, str]]
) -> list[NoticeGroup]:
    """Return the notices that the person may see, grouped by kind and post (moment).

    `rows`: (kind of the notice, id of the post, id of the like or comment, user who caused it, that user's name).
    """
    viewer = viewers.load_viewer(database, user)
    posts = timeline.posts(database, {moment for _, moment, *_ in rows})
    seen = {*viewers.visible(database, viewer, {post.id: post.audience for post in posts})}
    groups: dict[tuple[str, int], NoticeGroup] = {}
    for what, moment, row_id, actor, name in rows:
        if moment in seen and actor not in viewer.blocked:
            group = groups.setdefault((what, moment), NoticeGroup(what, moment, row_id))
            group.people.setdefault(actor, viewer.contacts.get(actor) or name)
    return list(groups.values())


def seen_id(database: str, user: str) -> int:
    """Return the id up to which a person has seen the notices of likes, comments and replies; 0 if none."""
    row = Profile.objects.using(database).filter(pk=user).first()
    return row.seen_id if row else 0


# ---- the album ----------------------------------------------------------------------------------


def album(database: str, user: str) -> dict[str, int]:
    """Return the months in which a person posted pictures, the latest first: "2026-11" -> number of pictures."""
    query = (
        "SELECT id, JSON_LENGTH(files) FROM social_moment"
        " WHERE author=%s AND kind='image' ORDER BY id DESC"
    )
    months: dict[str, int] = defaultdict(int)
    for number, count in sql.select(database, query, [user]):
        months[f"{clock.moment_of(number):%Y-%m}"] += count
    return dict(months)


def pictures(database: str, user: str, start: datetime, end: datetime) -> list[timeline.Post]:
    """Return a person's posts (moments) with pictures from `start` until before `end`, the latest first."""
    query = (
        "SELECT id FROM social_moment"
        " WHERE author=%s AND kind='image' AND id>=%s AND id<%s ORDER BY id DESC LIMIT 1000"
    )
    values = [user, clock.id_at(start), clock.id_at(end)]
    return timeline.posts(database, [row[0] for row in sql.select(database, query, values)])
