"""Queries for circles (groups with a wall of posts). They only read."""

from __future__ import annotations

from dataclasses import dataclass

from im.models import Conversation, Member
from im.rules.vocabulary import Joining, Kind, Membership
from social.models import Circle


@dataclass(frozen=True, slots=True)
class CircleView:
    """A circle (group with a wall of posts) as one person sees it.

    `own_row` is the person's `Member` row; `None` for a person who is not in it.
    """

    circle: Circle
    conversation: Conversation
    own_row: Member | None


_SHOWN = (Membership.ACTIVE, Membership.INVITED, Membership.ASKED)


def circles_of(database: str, user: str) -> list[CircleView]:
    """Return the circles (groups with a wall) that a person is in, is invited to, or has asked to join; by name."""
    rows = Member.objects.using(database).select_related("conversation")
    rows = rows.filter(
        user=user, state__in=_SHOWN, conversation__kind=Kind.GROUP, conversation__closed=False
    )
    members = {member.conversation_id: member for member in rows}
    circles = Circle.objects.using(database).filter(pk__in=members)
    views = [
        CircleView(circle, members[circle.pk].conversation, members[circle.pk])
        for circle in circles
    ]
    return sorted(views, key=lambda view: (view.conversation.name, view.circle.pk))


def circle_of(database: str, user: str, number: int, domain: str) -> CircleView | None:
    """Return a circle (group with a wall) as a person sees it; `None` if there is none, or it is hidden.

    `number`: the circle's id. `domain`: the person's tenant, whose people also see circles that they may join.
    """
    circle = Circle.objects.using(database).filter(pk=number).first()
    conversation = Conversation.objects.using(database).filter(pk=number).first()
    if circle is None or conversation is None:
        return None
    member = Member.objects.using(database).filter(conversation_id=number, user=user).first()
    if member and member.state in _SHOWN:
        return CircleView(circle, conversation, member)
    is_open = conversation.joining != Joining.INVITE and not conversation.closed
    if is_open and domain and conversation.domain == domain:
        return CircleView(circle, conversation, None)
    return None


def joinable(database: str, user: str, domain: str, count: int) -> list[CircleView]:
    """Return a user domain's circles (groups with a wall of posts) that a person may join, freely or by approval.

    By name. [] without a domain.
    """
    if not domain:
        return []
    own_rows = Member.objects.using(database).filter(user=user, state__in=_SHOWN)
    rows = Conversation.objects.using(database).filter(
        kind=Kind.GROUP,
        closed=False,
        domain=domain,
        joining__in=(Joining.APPROVE, Joining.FREE),
        pk__in=Circle.objects.using(database).values("pk"),
    )
    rows = rows.exclude(pk__in=own_rows.values("conversation_id")).order_by("name", "pk")[:count]
    conversations = {row.pk: row for row in rows}
    circles = {
        circle.pk: circle for circle in Circle.objects.using(database).filter(pk__in=conversations)
    }
    return [CircleView(circles[pk], row, None) for pk, row in conversations.items()]
