"""The views of circles, posts (moments), likes, comments, notices and the album.

A circle is a group of people with a chat and a wall of posts.
"""

from __future__ import annotations

from datetime import UTC, datetime

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

from foundation.web.errors import ack
from im.api.base import Call, StrictLimit
from im.api.conversations import KEY
from im.api.serializers import Done, answers
from im.data import people
from im.data.locked_conversation import Denied
from im.rules.conversation_decisions import DenyReason
from im.rules.messages import Data
from im.rules.vocabulary import Joining, Membership
from social.api import moment_shapes as shapes
from social.api import people_forms as forms
from social.data import circle_queries, reaction_queries, timeline, viewers
from social.flows import cards, circles, moments, reactions
from social.flows.moments import Draft
from social.rules.visibility import CONTACTS, PRIVATE

_PLACES = {"contacts": CONTACTS, "self": PRIVATE}


class Circles(Call):
    """The view of the caller's circles (groups with a wall of posts)."""

    @extend_schema(operation_id="social_circles_list", responses=answers(shapes.Circles))
    def get(self, request: Request) -> Response:
        """List the caller's circles (groups with a wall of posts), and those of the tenant that are open to join."""
        database = self.store.database
        own_circles = circle_queries.circles_of(database, self.me.id)
        joinable = circle_queries.joinable(database, self.me.id, self.me.domain, 100)
        return ack(
            circles=[shapes.circle(view) for view in own_circles],
            joinable=[shapes.circle(view) for view in joinable],
        )

    @extend_schema(parameters=[KEY], request=forms.NewCircle, responses=answers(shapes.OneCircle))
    def post(self, request: Request) -> Response:
        """Create a circle (group). Calls of its conversation change members and roles, join, leave and dissolve it."""
        arguments = self.arguments(forms.NewCircle)
        number = circles.create_circle(
            self.store,
            self.me,
            arguments["name"],
            arguments["users"],
            Joining(arguments["joining"]),
            arguments["description"],
            request.headers.get("Idempotency-Key", "")[:64],
            self.now,
        )
        return ack(circle=_shown_circle(self, number))

    def get_throttles(self) -> list[BaseThrottle]:
        """Return the rate limits of a call; new circles (groups) have a stricter one, since they reach others."""
        strict = [StrictLimit()] if self.request.method == "POST" else []
        return [*super().get_throttles(), *strict]


def _shown_circle(call: Call, number: int) -> Data:
    """Return the circle (group with a wall of posts) with the id `number` in the form of the API. Raises Denied."""
    view = circle_queries.circle_of(call.store.database, call.me.id, number, call.me.domain)
    if view is None:
        raise Denied(DenyReason.NOT_FOUND, circles.NO_CIRCLE)
    return shapes.circle(view)


class OneCircle(Call):
    """The view of one circle (group with a wall of posts)."""

    @extend_schema(responses=answers(shapes.OneCircle))
    def get(self, request: Request, number: int) -> Response:
        """Return a circle (group with a wall of posts)."""
        return ack(circle=_shown_circle(self, number))

    @extend_schema(request=forms.ChangeCircle, responses=answers(shapes.OneCircle))
    def patch(self, request: Request, number: int) -> Response:
        """Change the name of a circle (group), description, picture, notice, way of joining or muting."""
        circles.change_circle(
            self.store, self.me, number, self.arguments(forms.ChangeCircle), self.now
        )
        return ack(circle=_shown_circle(self, number))


class Wall(Call):
    """The view of the wall (list of posts) of a circle, which is a group of people."""

    @extend_schema(parameters=[forms.Before], responses=answers(shapes.Moments))
    def get(self, request: Request, number: int) -> Response:
        """Return a page of the posts (moments) on the wall of a circle (group).

        Raises Denied unless the caller is a member.
        """
        arguments, database = self.arguments(forms.Before), self.store.database
        view = circle_queries.circle_of(database, self.me.id, number, self.me.domain)
        if view is None or view.own_row is None or view.own_row.state != Membership.ACTIVE:
            raise Denied(DenyReason.NOT_FOUND, circles.NO_CIRCLE)
        before, count = arguments.get("before"), arguments["count"]
        return ack(**shapes.page(timeline.wall_page(database, self.me.id, number, before, count)))


# ---- moments ------------------------------------------------------------------------------------


class Moments(Call):
    """The view of the caller's timeline, and of new posts (moments)."""

    @extend_schema(
        operation_id="social_moments_list",
        parameters=[forms.Before],
        responses=answers(shapes.Moments),
    )
    def get(self, request: Request) -> Response:
        """Return a page of the caller's timeline: posts (moments) of contacts, of circles, and own ones."""
        arguments = self.arguments(forms.Before)
        before, count = arguments.get("before"), arguments["count"]
        page = timeline.timeline_page(self.store.database, self.me.id, before, count)
        return ack(**shapes.page(page))

    @extend_schema(request=forms.Draft, responses=answers(shapes.OneMoment))
    def post(self, request: Request) -> Response:
        """Publish a post (moment), and answer with it; those who see it are notified. Raises Denied.

        A repeated request with the same `client_id` publishes nothing more.
        """
        draft = draft_of(self.arguments(forms.Draft))
        number = moments.post_moment(self.store, self.me, draft, self.now)
        return ack(moment=shown_moment(self, number))

    def get_throttles(self) -> list[BaseThrottle]:
        """Return the rate limits of a call; new posts (moments) have a stricter one, since others are notified."""
        strict = [StrictLimit()] if self.request.method == "POST" else []
        return [*super().get_throttles(), *strict]


def draft_of(arguments: Data) -> Draft:
    """Return the draft of a post (moment) in the arguments of a call that publishes one."""
    to = arguments["to"]
    return Draft(
        _PLACES[to] if to in _PLACES else int(to),
        arguments["text"],
        tuple(dict.fromkeys(arguments["files"])),
        tuple(arguments["only_labels"]),
        tuple(arguments["only_users"]),
        tuple(arguments["except_labels"]),
        arguments.get("client_id"),
    )


def shown_moment(call: Call, number: int) -> Data:
    """Return the post (moment) `number` in the form of the API, as the caller sees it. Raises Denied."""
    database = call.store.database
    post, viewer = reactions.seen_post(database, call.me, number)
    return shapes.moment(post, timeline.counts(database, viewer, [number])[number], viewer)


class Preview(Call):
    """Define the view that says, before posting, who would see a post (moment)."""

    @extend_schema(request=forms.Draft, responses=answers(shapes.MomentReaders))
    def post(self, request: Request) -> Response:
        """Return how many people would see a post (moment), and the first 100 by name; nothing is posted."""
        draft = draft_of(self.arguments(forms.Draft))
        return _readers(self, moments.readers_of_draft(self.store, self.me, draft))


def _readers(call: Call, users: list[str]) -> Response:
    """Return the answer with the number of these readers, and the first of them by name."""
    persons = people.people_by_id(call.store, users)
    return ack(**shapes.readers(users, persons))


class Readers(Call):
    """The view says who sees a post (moment) of the caller's own."""

    @extend_schema(responses=answers(shapes.MomentReaders))
    def get(self, request: Request, number: int) -> Response:
        """Return how many people see the caller's post (moment) now, and the first 100 by name."""
        return _readers(self, moments.readers_of_own(self.store, self.me, number))


class OneMoment(Call):
    """The view of one post (moment)."""

    @extend_schema(responses=answers(shapes.OneMoment))
    def get(self, request: Request, number: int) -> Response:
        """Return a post (moment)."""
        return ack(moment=shown_moment(self, number))

    @extend_schema(request=None, responses=answers(Done))
    def delete(self, request: Request, number: int) -> Response:
        """Delete a post (moment) with its files, likes and comments; only its author and the circle's leaders may."""
        moments.delete_moment(self.store, self.me, number, self.now)
        return ack()


class OfPerson(Call):
    """The view of one person's posts (moments)."""

    @extend_schema(parameters=[forms.Before], responses=answers(shapes.Moments))
    def get(self, request: Request, user: str) -> Response:
        """Return a page of a person's posts (moments) that the caller sees; the caller's own include private ones."""
        arguments, author = self.arguments(forms.Before), self.checked_user_id(user)
        before, count = arguments.get("before"), arguments["count"]
        page = timeline.moments_of_person(self.store.database, self.me.id, author, before, count)
        return ack(**shapes.page(page))


# ---- reactions ----------------------------------------------------------------------------------


class Like(Call):
    """Define the view with which the caller likes a post (moment)."""

    @extend_schema(request=None, responses=answers(shapes.LikeState))
    def put(self, request: Request, number: int) -> Response:
        """Store that the caller likes a post (moment)."""
        return self._set_like(number, on=True)

    @extend_schema(request=None, responses=answers(shapes.LikeState))
    def delete(self, request: Request, number: int) -> Response:
        """Take back the caller's like of a post (moment)."""
        return self._set_like(number, on=False)

    @extend_schema(responses=answers(shapes.Likers))
    def get(self, request: Request, number: int) -> Response:
        """Return the latest 100 people who like a post (moment)."""
        database = self.store.database
        _, viewer = reactions.seen_post(database, self.me, number)
        rows = reaction_queries.likers(database, viewer, number, 100)
        return ack(people=[{"user_id": row.user, "name": row.user_name} for row in rows])

    def _set_like(self, number: int, on: bool) -> Response:
        """Store whether the caller likes a post (moment); return the response with the number of its likes."""
        counts = reactions.like_moment(self.store, self.me, number, on, self.now)
        return ack(likes=counts.likes, liked=counts.liked)


class Comments(Call):
    """The view of the comments on a post (moment)."""

    @extend_schema(parameters=[forms.After], responses=answers(shapes.Comments))
    def get(self, request: Request, number: int) -> Response:
        """Return a page of the comments on a post (moment), in their order."""
        arguments, database = self.arguments(forms.After), self.store.database
        _, viewer = reactions.seen_post(database, self.me, number)
        count = arguments["count"]
        rows = reaction_queries.comments(database, viewer, number, arguments["after"], count)
        return ack(
            comments=[shapes.comment(row, viewer) for row in rows],
            next=str(rows[-1].pk) if len(rows) == count else None,
        )

    @extend_schema(request=forms.NewComment, responses=answers(shapes.Commented))
    def post(self, request: Request, number: int) -> Response:
        """Comment on a post (moment), or reply to a comment; the authors of both are notified."""
        arguments = self.arguments(forms.NewComment)
        comment_id = reactions.add_comment(
            self.store,
            self.me,
            number,
            arguments["text"],
            arguments.get("reply_to"),
            arguments.get("client_id"),
            self.now,
        )
        return ack(comment_id=str(comment_id))


class OneComment(Call):
    """The view of one comment."""

    @extend_schema(request=None, responses=answers(Done))
    def delete(self, request: Request, number: int, comment_id: int) -> Response:
        """Delete a comment; only its writer and the author of the post (moment) may."""
        reactions.delete_comment(self.store, self.me, number, comment_id, self.now)
        return ack()


class Notices(Call):
    """The view of the caller's notices about posts (moments)."""

    @extend_schema(responses=answers(shapes.Notices))
    def get(self, request: Request) -> Response:
        """Return the notices of the last 30 days, grouped by post (moment) and kind."""
        database = self.store.database
        groups = reaction_queries.notices(database, self.me.id, self.now)
        seen_id = reaction_queries.seen_id(database, self.me.id)
        return ack(
            notices=[shapes.notice(group, seen_id) for group in groups],
            unseen=sum(group.last_id > seen_id for group in groups),
        )

    @extend_schema(request=forms.Seen, responses=answers(Done))
    def put(self, request: Request) -> Response:
        """Mark the notices up to the one with id `last_id` as seen."""
        cards.mark_notices_seen(self.store, self.me, self.arguments(forms.Seen)["last_id"])
        return ack()


class Album(Call):
    """Define the view of the caller's album: the pictures of own posts (moments), by month."""

    @extend_schema(parameters=[forms.Month], responses=answers(shapes.Album))
    def get(self, request: Request) -> Response:
        """Answer the months that have pictures, with their number.

        Or, with `month`, the posts (moments) with pictures of it.
        """
        database, month = self.store.database, self.arguments(forms.Month).get("month")
        months = reaction_queries.album(database, self.me.id) if not month else {}
        posts = reaction_queries.pictures(database, self.me.id, *month_of(month)) if month else []
        viewer = viewers.load_viewer(database, self.me.id)
        counts = timeline.counts(database, viewer, [post.id for post in posts])
        return ack(
            months=[{"month": name, "pictures": count} for name, count in months.items()],
            moments=[shapes.moment(post, counts[post.id], viewer) for post in posts],
        )


def month_of(text: str) -> tuple[datetime, datetime]:
    """Return the beginning of a month such as "2026-11", and of the one after it, in UTC."""
    start = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
    return start, start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
