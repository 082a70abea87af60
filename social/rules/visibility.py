"""The rules by which people see a post (moment), and with it its files, likes, comments and counts. Pure functions.

The stricter rule always wins. The people *included* by a list are fixed when a post is published: a person
who gets a label later does not see older posts for that label. The people *excluded* are determined
whenever a post is read: an excluded label, a block, the end of a contact, and leaving a circle take
effect at once, also on older posts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

CONTACTS, PRIVATE = 0, -1
"""The places of posts (moments) that are in no circle: for the author's contacts, or for the author alone."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Represent the audience that the author chose for a post (moment).

    `place` is CONTACTS, PRIVATE, or the id of a circle. With `has_only` only the people on a list see
    the post; with `has_except` people with one of the excluded labels do not see it.
    """

    author: str
    place: int
    has_only: bool = False
    has_except: bool = False


@dataclass(frozen=True, slots=True)
class Viewer:
    """Represent a person who reads posts (moments), with the present facts that the rules need.

    `contacts` maps friends to the viewer's own names for them. `blocked` holds the people whom the
    viewer has blocked, and those who have blocked the viewer. `circles` are those in which the
    viewer is an active member.
    """

    id: str
    contacts: dict[str, str] = field(default_factory=dict)
    blocked: frozenset[str] = frozenset()
    circles: frozenset[int] = frozenset()


def may_see(
    audience: Audience, viewer: Viewer, is_named: bool = False, is_excluded: bool = False
) -> bool:
    """Return whether a viewer sees a post (moment) with this audience.

    `is_named`: the viewer is on the list that was frozen when the post was published.
    `is_excluded`: the viewer has one of the excluded labels now.
    """
    if viewer.id == audience.author:
        return True
    if audience.place == PRIVATE or audience.author in viewer.blocked:
        return False
    is_near = (
        audience.author in viewer.contacts
        if audience.place == CONTACTS
        else audience.place in viewer.circles
    )
    return (
        is_near
        and (is_named or not audience.has_only)
        and not (audience.has_except and is_excluded)
    )


def people_who_see_now(
    audience: Audience,
    candidates: Iterable[str],
    blocked: Collection[str],
    named: Collection[str],
    excluded: Collection[str],
) -> list[str]:
    """Return the people besides the author who see a post (moment) now, in alphabetical order of their ids.

    `candidates` are the author's contacts, or the circle's active members. `blocked` are the people with a block
    between them and the author. `named` is the frozen list, `excluded` are the people with an excluded label. [] for a
    private post.
    """
    if audience.place == PRIVATE:
        return []
    people = {*candidates} - {audience.author, *blocked}
    if audience.has_only:
        people &= {*named}
    if audience.has_except:
        people -= {*excluded}
    return sorted(people)
