"""Whatever people do to contacts, labels, blocks, circles and moments: each sees what the rules say, and no more.

The world below keeps its own account of what happened, as simply as possible, and says from it who
sees what. It is compared with every way to see something: the timeline, walls, pages of persons,
single moments, files, counts, comments, notices, and pushed messages.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foundation import clock
from foundation.cells.directory import own_platform, redis_of
from im.data import presence_store
from im.rules.topology import user_key
from tests.im.http.town import pushed
from tests.social.people.town import Neighbour, neighbour

HISTORIES = int(os.environ.get("SOCIAL_HISTORIES", "5"))
"""So many histories are played; set the variable for more of them."""
SHORTEST, LONGEST = 10, 30
NAMES = ("anna", "ben", "cara", "dora")
LABELS = ("x", "y")


@dataclass
class Post:
    """A moment, as the world remembers it. `place` is contacts, self or circle."""

    id: str
    author: int
    place: str
    only: frozenset[int] | None
    excepts: str | None
    file: str
    likes: set[int] = field(default_factory=set)
    comments: list[tuple[int, int | None]] = field(default_factory=list)
    """Each comment: who wrote it, and who is answered."""


class World:
    """Four people, a circle of the first one, two labels each, and what has become of them."""

    def __init__(self) -> None:
        redis_of(own_platform()).flushdb()  # else there would be too many calls a minute
        self.people = [neighbour(name) for name in NAMES]
        for person in self.people:
            presence_store.record_device(person.id, "d", "a", clock.now().timestamp())
        self.labels = [{name: p.labels(name) for name in LABELS} for p in self.people]
        self.pictures = [person.uploads() for person in self.people]
        self.circle = self.people[0].circle(joining="free")
        self.friends: set[frozenset[int]] = set()
        self.blocks: set[tuple[int, int]] = set()
        self.labelled: set[tuple[int, str, int]] = set()
        self.members = {0}
        self.posts: list[Post] = []

    # ---- what people do -------------------------------------------------------------------------

    def befriend(self, a: int, b: int) -> None:
        """Ask, and accept."""
        answers = [
            self.people[x].post("contacts", {"user": self.people[y].id}).status
            for x, y in ((a, b), (b, a))
        ]
        if not {(a, b), (b, a)} & self.blocks:
            assert answers == [200, 200]
            self.friends.add(frozenset((a, b)))

    def remove(self, a: int, b: int) -> None:
        """Remove a contact, or end a block."""
        self.people[a].delete(f"contacts/{self.people[b].id}")
        self.friends.discard(frozenset((a, b)))
        self.blocks.discard((a, b))

    def block(self, a: int, b: int) -> None:
        """Block a person."""
        self.people[a].patch(f"contacts/{self.people[b].id}", {"state": "blocked"})
        self.friends.discard(frozenset((a, b)))
        self.blocks.add((a, b))

    def label(self, a: int, b: int, name: str, on: bool) -> None:
        """Put a label on a contact, or take it off."""
        body = {"add" if on else "remove": [self.people[b].id]}
        answer = self.people[a].social("PATCH", f"labels/{self.labels[a][name]}", body)
        if on and frozenset((a, b)) in self.friends:
            assert answer.status == 200
            self.labelled.add((a, name, b))
        elif not on:
            self.labelled.discard((a, name, b))

    def member(self, a: int, joins: bool) -> None:
        """Come into the circle, or leave it; its owner stays."""
        if a == 0:
            return
        path = f"conversations/{self.circle}"
        if joins:
            assert self.people[a].post(f"{path}/join").status == 200
            self.members.add(a)
        elif a in self.members:
            assert self.people[a].delete(f"{path}/members/{self.people[a].id}").status == 200
            self.members.discard(a)

    def publish(self, a: int, place: str, limit: str, name: str, with_file: bool) -> None:
        """Post a moment; who is online and sees it is told, and nobody else."""
        body: dict[str, Any] = {"text": "hello", "to": self.circle if place == "circle" else place}
        if limit != "all" and place != "self":
            body[f"{limit}_labels"] = [self.labels[a][name]]
        else:
            limit = "all"
        if with_file:
            body["files"] = [self.pictures[a]]
        pushed()
        answer = self.people[a].social("POST", "moments", body)
        if place == "circle" and a not in self.members:
            assert answer.status == 404
            return
        only = frozenset(b for b in range(4) if (a, name, b) in self.labelled)
        post = Post(
            answer["moment"]["moment_id"],
            a,
            place,
            only if limit == "only" else None,
            name if limit == "except" else None,
            self.pictures[a] if with_file else "",
        )
        self.posts.append(post)
        told = {key for key, _, more in pushed() for key in more}
        assert told == {user_key(self.people[b].id) for b in self.readers(post)}

    def like(self, a: int, index: int, on: bool) -> None:
        """Like one of the moments, or no longer."""
        if not self.posts:
            return
        post = self.posts[index % len(self.posts)]
        answer = self.people[a].social("PUT" if on else "DELETE", f"moments/{post.id}/like", {})
        assert answer.status == (200 if self.sees(a, post) else 404)
        if answer.status == 200:
            (post.likes.add if on else post.likes.discard)(a)

    def comment(self, a: int, index: int, answers: bool) -> None:
        """Comment on one of the moments, or answer its first comment."""
        if not self.posts:
            return
        post = self.posts[index % len(self.posts)]
        body: dict[str, Any] = {"text": "well"}
        replied = None
        if answers and post.comments:
            shown = self.people[a].social("GET", f"moments/{post.id}/comments")
            if shown.status == 200 and shown["comments"]:
                body["reply_to"] = int(shown["comments"][0]["comment_id"])
                replied = next(b for b, _ in post.comments if not self.apart(a, b))
        answer = self.people[a].social("POST", f"moments/{post.id}/comments", body)
        assert answer.status == (200 if self.sees(a, post) else 404)
        if answer.status == 200:
            post.comments.append((a, replied))

    def delete(self, a: int, index: int) -> None:
        """Delete a moment; only its author may, and who leads the circle."""
        if not self.posts:
            return
        post = self.posts[index % len(self.posts)]
        may = a == post.author or (a == 0 and post.place == "circle")
        answer = self.people[a].social("DELETE", f"moments/{post.id}", {})
        assert answer.status == (200 if may else 404)
        if may:
            self.posts.remove(post)

    # ---- who sees what --------------------------------------------------------------------------

    def apart(self, a: int, b: int) -> bool:
        """Tell whether one of two people has blocked the other."""
        return bool({(a, b), (b, a)} & self.blocks)

    def sees(self, a: int, post: Post) -> bool:
        """Tell whether a person sees a moment."""
        if a == post.author:
            return True
        if post.place == "self" or self.apart(a, post.author):
            return False
        near = frozenset((a, post.author)) in self.friends
        if post.place == "circle":
            near = a in self.members
        named = post.only is None or a in post.only
        return near and named and (post.author, post.excepts, a) not in self.labelled

    def readers(self, post: Post) -> set[int]:
        """Return who sees a moment, the author among them."""
        return {a for a in range(4) if self.sees(a, post)}

    def notices(self, a: int) -> set[tuple[str, str, int]]:
        """Return a person's notices: what, the moment, and how many people."""
        found: dict[tuple[str, str], set[int]] = {}
        for post in self.posts:
            if not self.sees(a, post):
                continue
            for b in post.likes if post.author == a else ():
                found.setdefault(("liked", post.id), set()).add(b)
            for b, replied in post.comments:
                if post.author == a:
                    found.setdefault(("commented", post.id), set()).add(b)
                elif replied == a:
                    found.setdefault(("replied", post.id), set()).add(b)
        counted = {
            key: {b for b in actors if b != a and not self.apart(a, b)}
            for key, actors in found.items()
        }
        return {(what, moment, len(who)) for (what, moment), who in counted.items() if who}

    # ---- the comparison -------------------------------------------------------------------------

    def check(self) -> None:
        """Compare what everybody sees with what everybody should see."""
        for a, person in enumerate(self.people):
            seen = {post.id for post in self.posts if self.sees(a, post)}
            near = {
                post.id
                for post in self.posts
                if post.id in seen
                and post.place != "self"
                and (a == post.author or post.place == "circle" or self.is_friend(a, post.author))
                and (post.place != "circle" or a in self.members)
            }
            timeline = person.timeline()
            assert {m["moment_id"] for m in timeline} == near
            assert len(timeline) == len(near)
            wall = {post.id for post in self.posts if post.place == "circle" and post.id in seen}
            on_wall = {m["moment_id"] for m in person.wall(self.circle)}
            assert on_wall == (wall if a in self.members else set())
            self._check_persons(a, person, seen)
            for post in self.posts:
                self._check_post(a, person, post)
            notices = person.ask("notices")["notices"]
            shown = {(n["what"], n["moment_id"], n["count"]) for n in notices}
            assert shown == self.notices(a)

    def is_friend(self, a: int, b: int) -> bool:
        """Tell whether two people are contacts."""
        return frozenset((a, b)) in self.friends

    def _check_persons(self, a: int, person: Neighbour, seen: set[str]) -> None:
        for b, author in enumerate(self.people):
            page = person.ask(f"people/{author.id}/moments")["moments"]
            expected = {post.id for post in self.posts if post.author == b and post.id in seen}
            assert {m["moment_id"] for m in page} == expected

    def _check_post(self, a: int, person: Neighbour, post: Post) -> None:
        answer, seen = person.social("GET", f"moments/{post.id}"), self.sees(a, post)
        assert answer.status == (200 if seen else 404)
        if post.file:
            others = [p for p in self.posts if p.file == post.file and self.sees(a, p)]
            may = bool(others) or a == post.author
            assert person.fetches(post.file) == (200 if may else 404)
        if not seen:
            return
        moment = answer["moment"]
        likes = {b for b in post.likes if not self.apart(a, b)}
        comments = [b for b, _ in post.comments if not self.apart(a, b)]
        assert (moment["likes"], moment["comments"]) == (len(likes), len(comments))
        assert moment["liked"] == (a in post.likes)
        shown = person.ask(f"moments/{post.id}/comments")["comments"]
        assert [c["user_id"] for c in shown] == [self.people[b].id for b in comments]
        if a == post.author:
            readers = person.ask(f"moments/{post.id}/readers")["people"]
            expected = {self.people[b].id for b in self.readers(post) - {a}}
            assert {r["user_id"] for r in readers} == expected


WHO, POST = st.integers(0, 3), st.integers(0, 9)
PAIRS = st.tuples(WHO, WHO).filter(lambda pair: pair[0] != pair[1])
STEPS = st.one_of(
    st.tuples(st.sampled_from(("befriend", "befriend", "remove", "block")), PAIRS),
    st.tuples(st.just("label"), st.tuples(PAIRS, st.sampled_from(LABELS), st.booleans())),
    st.tuples(st.just("member"), st.tuples(WHO, st.booleans())),
    st.tuples(
        st.just("publish"),
        st.tuples(
            WHO,
            st.sampled_from(("contacts", "contacts", "circle", "self")),
            st.sampled_from(("all", "only", "except")),
            st.sampled_from(LABELS),
            st.booleans(),
        ),
    ),
    st.tuples(st.sampled_from(("like", "comment")), st.tuples(WHO, POST, st.booleans())),
    st.tuples(st.just("delete"), st.tuples(WHO, POST)),
)


@pytest.mark.usefixtures("platform")
@settings(
    max_examples=HISTORIES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=st.lists(STEPS, min_size=SHORTEST, max_size=LONGEST))
def test_everybody_sees_what_the_rules_say_and_no_more(history: list[tuple[str, Any]]) -> None:
    with transaction.atomic():
        world = World()
        for a, b in ((0, 1), (0, 2), (1, 2)):
            world.befriend(a, b)
        for what, about in history:
            if what == "label":
                (a, b), name, on = about
                world.label(a, b, name, on)
            else:
                getattr(world, what)(*about)
        world.check()
        transaction.set_rollback(True)
