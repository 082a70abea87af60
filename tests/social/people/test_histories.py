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
        self.labels = [{name: person.labels(name) for name in LABELS} for person in self.people]
        self.pictures = [person.uploads() for person in self.people]
        self.circle = self.people[0].circle(joining="free")
        self.friends: set[frozenset[int]] = set()
        self.blocks: set[tuple[int, int]] = set()
        self.labelled: set[tuple[int, str, int]] = set()
        self.members = {0}
        self.posts: list[Post] = []

    # ---- what people do -------------------------------------------------------------------------

    def befriend(self, first: int, second: int) -> None:
        """Ask, and accept."""
        answers = [
            self.people[asker].post("contacts", {"user": self.people[asked].id}).status
            for asker, asked in ((first, second), (second, first))
        ]
        if not {(first, second), (second, first)} & self.blocks:
            assert answers == [200, 200]
            self.friends.add(frozenset((first, second)))

    def remove(self, actor: int, other: int) -> None:
        """Remove a contact, or end a block."""
        self.people[actor].delete(f"contacts/{self.people[other].id}")
        self.friends.discard(frozenset((actor, other)))
        self.blocks.discard((actor, other))

    def block(self, actor: int, other: int) -> None:
        """Block a person."""
        self.people[actor].patch(f"contacts/{self.people[other].id}", {"state": "blocked"})
        self.friends.discard(frozenset((actor, other)))
        self.blocks.add((actor, other))

    def label(self, owner: int, contact: int, name: str, puts: bool) -> None:
        """Put a label on a contact, or take it off."""
        body = {"add" if puts else "remove": [self.people[contact].id]}
        answer = self.people[owner].social("PATCH", f"labels/{self.labels[owner][name]}", body)
        if puts and frozenset((owner, contact)) in self.friends:
            assert answer.status == 200
            self.labelled.add((owner, name, contact))
        elif not puts:
            self.labelled.discard((owner, name, contact))

    def member(self, actor: int, joins: bool) -> None:
        """Come into the circle, or leave it; its owner stays."""
        if actor == 0:
            return
        path = f"conversations/{self.circle}"
        if joins:
            assert self.people[actor].post(f"{path}/join").status == 200
            self.members.add(actor)
        elif actor in self.members:
            assert (
                self.people[actor].delete(f"{path}/members/{self.people[actor].id}").status == 200
            )
            self.members.discard(actor)

    def publish(self, author: int, place: str, limit: str, name: str, with_file: bool) -> None:
        """Post a moment; who is online and sees it is told, and nobody else."""
        body: dict[str, Any] = {"text": "hello", "to": self.circle if place == "circle" else place}
        if limit != "all" and place != "self":
            body[f"{limit}_labels"] = [self.labels[author][name]]
        else:
            limit = "all"
        if with_file:
            body["files"] = [self.pictures[author]]
        pushed()
        answer = self.people[author].social("POST", "moments", body)
        if place == "circle" and author not in self.members:
            assert answer.status == 404
            return
        only = frozenset(reader for reader in range(4) if (author, name, reader) in self.labelled)
        post = Post(
            answer["moment"]["moment_id"],
            author,
            place,
            only if limit == "only" else None,
            name if limit == "except" else None,
            self.pictures[author] if with_file else "",
        )
        self.posts.append(post)
        told_keys = {key for key, _, more in pushed() for key in more}
        assert told_keys == {user_key(self.people[reader].id) for reader in self.readers(post)}

    def like(self, actor: int, index: int, likes: bool) -> None:
        """Like one of the moments, or no longer."""
        if not self.posts:
            return
        post = self.posts[index % len(self.posts)]
        answer = self.people[actor].social(
            "PUT" if likes else "DELETE", f"moments/{post.id}/like", {}
        )
        assert answer.status == (200 if self.sees(actor, post) else 404)
        if answer.status == 200:
            (post.likes.add if likes else post.likes.discard)(actor)

    def comment(self, actor: int, index: int, answers: bool) -> None:
        """Comment on one of the moments, or answer its first comment."""
        if not self.posts:
            return
        post = self.posts[index % len(self.posts)]
        body: dict[str, Any] = {"text": "well"}
        replied = None
        if answers and post.comments:
            shown = self.people[actor].social("GET", f"moments/{post.id}/comments")
            if shown.status == 200 and shown["comments"]:
                body["reply_to"] = int(shown["comments"][0]["comment_id"])
                replied = next(
                    author for author, _ in post.comments if not self.apart(actor, author)
                )
        answer = self.people[actor].social("POST", f"moments/{post.id}/comments", body)
        assert answer.status == (200 if self.sees(actor, post) else 404)
        if answer.status == 200:
            post.comments.append((actor, replied))

    def delete(self, actor: int, index: int) -> None:
        """Delete a moment; only its author may, and who leads the circle."""
        if not self.posts:
            return
        post = self.posts[index % len(self.posts)]
        may_delete = actor == post.author or (actor == 0 and post.place == "circle")
        answer = self.people[actor].social("DELETE", f"moments/{post.id}", {})
        assert answer.status == (200 if may_delete else 404)
        if may_delete:
            self.posts.remove(post)

    # ---- who sees what --------------------------------------------------------------------------

    def apart(self, first: int, second: int) -> bool:
        """Tell whether one of two people has blocked the other."""
        return bool({(first, second), (second, first)} & self.blocks)

    def sees(self, reader: int, post: Post) -> bool:
        """Tell whether a person sees a moment."""
        if reader == post.author:
            return True
        if post.place == "self" or self.apart(reader, post.author):
            return False
        near = frozenset((reader, post.author)) in self.friends
        if post.place == "circle":
            near = reader in self.members
        named = post.only is None or reader in post.only
        return near and named and (post.author, post.excepts, reader) not in self.labelled

    def readers(self, post: Post) -> set[int]:
        """Return who sees a moment, the author among them."""
        return {reader for reader in range(4) if self.sees(reader, post)}

    def notices(self, reader: int) -> set[tuple[str, str, int]]:
        """Return a person's notices: what, the moment, and how many people."""
        actors_of: dict[tuple[str, str], set[int]] = {}
        for post in self.posts:
            if not self.sees(reader, post):
                continue
            for actor in post.likes if post.author == reader else ():
                actors_of.setdefault(("liked", post.id), set()).add(actor)
            for actor, replied in post.comments:
                if post.author == reader:
                    actors_of.setdefault(("commented", post.id), set()).add(actor)
                elif replied == reader:
                    actors_of.setdefault(("replied", post.id), set()).add(actor)
        counted = {
            key: {actor for actor in actors if actor != reader and not self.apart(reader, actor)}
            for key, actors in actors_of.items()
        }
        return {(kind, moment, len(people)) for (kind, moment), people in counted.items() if people}

    # ---- the comparison -------------------------------------------------------------------------

    def check(self) -> None:
        """Compare what everybody sees with what everybody should see."""
        for reader, person in enumerate(self.people):
            seen = {post.id for post in self.posts if self.sees(reader, post)}
            near = {
                post.id
                for post in self.posts
                if post.id in seen
                and post.place != "self"
                and (
                    reader == post.author
                    or post.place == "circle"
                    or self.is_friend(reader, post.author)
                )
                and (post.place != "circle" or reader in self.members)
            }
            timeline = person.timeline()
            assert {entry["moment_id"] for entry in timeline} == near
            assert len(timeline) == len(near)
            wall = {post.id for post in self.posts if post.place == "circle" and post.id in seen}
            on_wall = {entry["moment_id"] for entry in person.wall(self.circle)}
            assert on_wall == (wall if reader in self.members else set())
            self._check_persons(reader, person, seen)
            for post in self.posts:
                self._check_post(reader, person, post)
            notices = person.ask("notices")["notices"]
            shown = {(notice["what"], notice["moment_id"], notice["count"]) for notice in notices}
            assert shown == self.notices(reader)

    def is_friend(self, first: int, second: int) -> bool:
        """Tell whether two people are contacts."""
        return frozenset((first, second)) in self.friends

    def _check_persons(self, reader: int, person: Neighbour, seen: set[str]) -> None:
        for index, author in enumerate(self.people):
            page = person.ask(f"people/{author.id}/moments")["moments"]
            expected = {post.id for post in self.posts if post.author == index and post.id in seen}
            assert {entry["moment_id"] for entry in page} == expected

    def _check_post(self, reader: int, person: Neighbour, post: Post) -> None:
        answer, seen = person.social("GET", f"moments/{post.id}"), self.sees(reader, post)
        assert answer.status == (200 if seen else 404)
        if post.file:
            others = [
                other_post
                for other_post in self.posts
                if other_post.file == post.file and self.sees(reader, other_post)
            ]
            may_fetch = bool(others) or reader == post.author
            assert person.fetches(post.file) == (200 if may_fetch else 404)
        if not seen:
            return
        moment = answer["moment"]
        likes = {other for other in post.likes if not self.apart(reader, other)}
        comments = [other for other, _ in post.comments if not self.apart(reader, other)]
        assert (moment["likes"], moment["comments"]) == (len(likes), len(comments))
        assert moment["liked"] == (reader in post.likes)
        shown = person.ask(f"moments/{post.id}/comments")["comments"]
        assert [entry["user_id"] for entry in shown] == [
            self.people[other].id for other in comments
        ]
        if reader == post.author:
            readers = person.ask(f"moments/{post.id}/readers")["people"]
            expected = {self.people[other].id for other in self.readers(post) - {reader}}
            assert {entry["user_id"] for entry in readers} == expected


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
        for first, second in ((0, 1), (0, 2), (1, 2)):
            world.befriend(first, second)
        for step, arguments in history:
            if step == "label":
                (first, second), name, on = arguments
                world.label(first, second, name, on)
            else:
                getattr(world, step)(*arguments)
        world.check()
        transaction.set_rollback(True)
