"""The comparison of `test_histories` finds faults that are planted into the rule of visibility and its queries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from social.data import reaction_queries, timeline, viewers
from social.rules import visibility
from social.rules.visibility import PRIVATE, Audience, Viewer
from tests.social.people.test_histories import World

Plant = Callable[[pytest.MonkeyPatch], None]

HISTORY: list[tuple[str, tuple[Any, ...]]] = [
    ("befriend", (0, 1)),
    ("befriend", (0, 2)),
    ("befriend", (0, 3)),
    ("befriend", (1, 2)),
    ("label", (0, 1, "x", True)),
    ("publish", (0, "contacts", "except", "x", True)),
    ("publish", (0, "contacts", "only", "x", False)),
    ("label", (0, 2, "x", True)),
    ("label", (0, 2, "x", False)),
    ("publish", (0, "self", "all", "x", False)),
    ("publish", (0, "contacts", "all", "x", False)),
    ("like", (1, 3, True)),
    ("like", (2, 3, True)),
    ("comment", (3, 3, False)),
    ("comment", (2, 3, True)),
    ("member", (3, True)),
    ("member", (1, True)),
    ("publish", (3, "circle", "all", "x", False)),
    ("remove", (0, 3)),
    ("block", (1, 3)),
    ("block", (2, 1)),
]
"""After it there is something to see of each rule."""


def _rule(change: Callable[..., bool]) -> Plant:
    return lambda patch: patch.setattr(viewers, "may_see", change)


def no_exclusion(audience: Audience, viewer: Viewer, named: bool, excluded: bool) -> bool:
    """Forget the labels that exclude."""
    return visibility.may_see(audience, viewer, named, False)


def no_list(audience: Audience, viewer: Viewer, named: bool, excluded: bool) -> bool:
    """Forget the frozen list."""
    return visibility.may_see(audience, viewer, True, excluded)


def no_block(audience: Audience, viewer: Viewer, named: bool, excluded: bool) -> bool:
    """Forget blocks."""
    return visibility.may_see(audience, replace(viewer, blocked=frozenset()), named, excluded)


def no_privacy(audience: Audience, viewer: Viewer, named: bool, excluded: bool) -> bool:
    """Show private posts to everybody."""
    is_private = audience.place == PRIVATE
    return is_private or visibility.may_see(audience, viewer, named, excluded)


def everybody_counts(patch: pytest.MonkeyPatch) -> None:
    """Count the likes of people who block the viewer."""
    counts = timeline.counts
    patch.setattr(
        timeline,
        "counts",
        lambda database, viewer, ids: counts(database, replace(viewer, blocked=frozenset()), ids),
    )


def files_for_all(patch: pytest.MonkeyPatch) -> None:
    """Let everybody read files that anything uses."""

    def readable(database: str, person: str, numbers: set[UUID]) -> set[UUID]:
        return {*numbers}

    from im.data import hooks

    patch.setattr(hooks.FILE_READERS, "_receivers", [readable])


def all_notices(patch: pytest.MonkeyPatch) -> None:
    """Keep notices of moments that are seen no longer."""

    def groups(database: str, user: str, rows: list[tuple[str, int, int, str, str]]) -> Any:
        """Group the rows, whatever the person sees."""
        groups_of: dict[tuple[str, int], reaction_queries.NoticeGroup] = {}
        for kind, moment, row_id, actor, name in rows:
            empty = reaction_queries.NoticeGroup(kind, moment, row_id)
            groups_of.setdefault((kind, moment), empty).people[actor] = name
        return list(groups_of.values())

    patch.setattr(reaction_queries, "_seen_groups", groups)


def stale_replies(patch: pytest.MonkeyPatch) -> None:
    """Show comments of people who block the viewer."""
    comments = reaction_queries.comments
    patch.setattr(
        reaction_queries,
        "comments",
        lambda database, viewer, *rest: comments(
            database, replace(viewer, blocked=frozenset()), *rest
        ),
    )


FAULTS: list[Plant] = [
    _rule(no_exclusion),
    _rule(no_list),
    _rule(no_block),
    _rule(no_privacy),
    everybody_counts,
    files_for_all,
    all_notices,
    stale_replies,
]


def test_planted_faults_are_found(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    for step, arguments in HISTORY:
        getattr(world, step)(*arguments)
    world.check()
    for number, plant in enumerate(FAULTS):
        with monkeypatch.context() as patch:
            plant(patch)
            found = False
            try:
                world.check()
            except AssertionError:
                found = True
            assert found, f"fault {number} is not found"
