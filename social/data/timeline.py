"""Queries for pages of posts (moments): the timeline, a wall, one person's posts. They only read.

A page takes at most seven queries, whatever the number of contacts: contacts and blocks, circles,
the ids of candidates (one or two), their rows, the facts for the rule, and counts. The query for ids
uses covering indexes alone, without a condition of visibility: `rules/visibility.py` decides on the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from foundation import clock
from foundation.cells import sql
from im.rules.messages import Data
from social.data import viewers
from social.rules.limits import TIMELINE_PAGE, WINDOW
from social.rules.visibility import CONTACTS, PRIVATE, Audience, Viewer

CANDIDATES = 3 * TIMELINE_PAGE
"""So many rows are looked at for one page; more of them may be invisible."""
_MANY_CONTACTS = 100
"""From this number of contacts on a page looks at a shorter window first."""
_PLAIN_LISTS = "SET STATEMENT in_predicate_conversion_threshold=0 FOR "
"""MariaDB turns a list of 1,000 values and more into a subquery, for which it reads whole indexes."""

_COLUMNS = "id, author, author_name, place, has_only, has_except, kind, text, files, sent_at"


@dataclass(frozen=True, slots=True)
class Post:
    """A post (moment), as the table has it."""

    id: int
    author: str
    author_name: str
    audience: Audience
    kind: str
    text: str
    files: list[Data]
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Counts:
    """The numbers of likes and comments of a post (moment) that one viewer sees; `liked`: the viewer likes it."""

    likes: int = 0
    liked: bool = False
    comments: int = 0


@dataclass(frozen=True, slots=True)
class MomentPage:
    """A page of posts (moments), the latest first. `next_before` is where the next page begins, `None` at the end."""

    posts: list[Post]
    counts: dict[int, Counts]
    viewer: Viewer
    next_before: int | None


def timeline_page(database: str, user: str, before: int | None, count: int) -> MomentPage:
    """Return a page of the posts (moments) of a person, of the person's contacts and circles, the latest first.

    `before`: the id before which the page begins; `None` for the first page.
    """
    viewer = viewers.load_viewer(database, user)
    # The first page begins two minutes ahead: ids grow with time, and clocks of processes differ a little.
    before = before or clock.id_at(clock.now()) + (1 << 40)
    ids: list[int] = []
    for window in _windows(len(viewer.contacts)):
        ids = _candidates(database, viewer, max(0, before - window), before)
        if len(ids) >= CANDIDATES:
            break
    return _page(database, viewer, ids, count)


def _windows(contacts: int) -> list[int]:
    """Return the spans of time that are searched one after the other, as differences of ids.

    `contacts`: the number of the viewer's contacts; with many, a short span usually holds enough posts (moments).
    """
    # An id is the time in microseconds, followed by 13 bits that tell processes apart (`clock.next_id`).
    whole_window = int(WINDOW.total_seconds() * 1_000_000) << 13
    if contacts <= _MANY_CONTACTS:
        return [whole_window]
    return [whole_window * _MANY_CONTACTS // contacts, whole_window]


def _candidates(database: str, viewer: Viewer, after: int, before: int) -> list[int]:
    """Return the ids between `after` and `before` of posts (moments) that may be on the timeline, the latest first."""
    in_window = f"id>%s AND id<%s ORDER BY id DESC LIMIT {CANDIDATES}"
    authors, circles = sorted({viewer.id, *viewer.contacts}), sorted(viewer.circles)
    query = (
        "(SELECT id FROM social_moment FORCE INDEX (social_moment_of)"
        f" WHERE author IN ({sql.marks(authors)}) AND place={CONTACTS} AND {in_window})"
    )
    values: list[object] = [*authors, after, before]
    if circles:
        query += (
            " UNION ALL (SELECT id FROM social_moment FORCE INDEX (social_moment_on)"
            f" WHERE place IN ({sql.marks(circles)}) AND {in_window})"
        )
        values += [*circles, after, before]
    query = f"{_PLAIN_LISTS}{query} ORDER BY id DESC LIMIT {CANDIDATES}"
    return [row[0] for row in sql.select(database, query, values)]


def wall_page(database: str, user: str, circle: int, before: int | None, count: int) -> MomentPage:
    """Return a page of the posts (moments) published in a circle (its wall), as a person sees it, the latest first."""
    return _page_of_condition(database, user, "place=%s", [circle], before, count)


def moments_of_person(
    database: str, user: str, author: str, before: int | None, count: int
) -> MomentPage:
    """Return a page of the posts (moments) of `author`, as the person `user` (another one, or the author) sees them."""
    where, values = f"author=%s AND place<>{PRIVATE}", [author]
    if user == author:
        where = "author=%s"
    return _page_of_condition(database, user, where, values, before, count)


def _page_of_condition(
    database: str, user: str, where: str, values: Sequence[object], before: int | None, count: int
) -> MomentPage:
    """Return a page of the posts (moments) that meet an SQL condition, as a person (`user`) sees them."""
    viewer = viewers.load_viewer(database, user)
    query = f"SELECT id FROM social_moment WHERE {where}"
    if before:
        query, values = f"{query} AND id<%s", [*values, before]
    query += f" ORDER BY id DESC LIMIT {CANDIDATES}"
    ids = [row[0] for row in sql.select(database, query, values)]
    return _page(database, viewer, ids, count)


def _page(database: str, viewer: Viewer, ids: Sequence[int], count: int) -> MomentPage:
    """Return the page with the first `count` of these posts (moments) that the viewer sees. `ids`: the latest first.

    The next page begins after the last post of this one. If this page shows all visible ones, but `ids` were as
    many as are looked at for one page, it begins after the last of the `ids`: there may be more.
    """
    rows = posts(database, ids)
    audiences = {post.id: post.audience for post in rows}
    visible = viewers.visible(database, viewer, audiences)
    first = {*visible[:count]}
    shown = [post for post in rows if post.id in first]
    after = None
    if len(visible) > count:
        after = shown[-1].id
    elif len(ids) >= CANDIDATES:
        after = ids[-1]
    numbers = [post.id for post in shown]
    return MomentPage(shown, counts(database, viewer, numbers), viewer, after)


def posts(database: str, ids: Iterable[int]) -> list[Post]:
    """Return those of these posts (moments) that exist, the latest first, without a check of who may see them."""
    numbers = [*ids]
    if not numbers:
        return []
    query = (
        f"SELECT {_COLUMNS} FROM social_moment WHERE id IN ({sql.marks(numbers)}) ORDER BY id DESC"
    )
    return [_post(*row) for row in sql.select(database, query, numbers)]


def _post(
    number: int,
    author: str,
    name: str,
    place: int,
    only: int,
    excepts: int,
    kind: str,
    text: str,
    files: str,
    sent_at: datetime,
) -> Post:
    """Return the post (moment) that a row of the table describes; the arguments are its columns."""
    audience = Audience(author, place, bool(only), bool(excepts))
    moment = sent_at.replace(tzinfo=UTC)
    return Post(number, author, name, audience, kind, text, orjson.loads(files), moment)


def visible_post(database: str, user: str, number: int) -> tuple[Post, Viewer] | None:
    """Return the post (moment) `number` and the person `user` as its reader; `None` if the person may not see it."""
    for post in posts(database, [number]):
        viewer = viewers.viewer_of(database, user, post.audience)
        if viewers.visible(database, viewer, {post.id: post.audience}):
            return post, viewer
    return None


def counts(database: str, viewer: Viewer, ids: Sequence[int]) -> dict[int, Counts]:
    """Return how many likes and comments posts (moments) have, without those of people with a block to `viewer`."""
    if not ids:
        return {}
    blocked = sorted(viewer.blocked)
    not_blocked = f" AND user NOT IN ({sql.marks(blocked)})" if blocked else ""
    where = f"moment_id IN ({sql.marks(ids)}){not_blocked} GROUP BY moment_id"
    query = (
        f"SELECT moment_id, COUNT(*), MAX(user=%s), 1 FROM social_like WHERE {where}"
        f" UNION ALL SELECT moment_id, COUNT(*), 0, 0 FROM social_comment WHERE {where}"
    )
    values = [*ids, *blocked]
    likes: dict[int, tuple[int, bool]] = {}
    comments: dict[int, int] = {}
    for number, count, has_liked, is_like in sql.select(
        database, query, [viewer.id, *values, *values]
    ):
        # The fourth column says from which table a row comes.
        if is_like:
            likes[number] = (count, bool(has_liked))
        else:
            comments[number] = count
    return {
        number: Counts(*likes.get(number, (0, False)), comments.get(number, 0)) for number in ids
    }
