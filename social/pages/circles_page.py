"""The pages of circles (groups with a wall of posts): the list, and one circle with its wall and its members."""

from __future__ import annotations

from django.http import HttpResponse

from im.data import queries
from im.data.locked_conversation import Denied
from im.flows import conversations, members
from im.models import Member
from im.rules.conversation_decisions import RANK, DenyReason
from im.rules.topology import USER
from im.rules.vocabulary import Joining, Membership, Role
from social.data import circle_queries, finding, timeline, viewers
from social.flows import circles
from social.pages.moments_page import page_start, post_form, shown_page
from social.pages.visit import Visit, form, page, store_files

CIRCLES = "/people/circles/"
MOST_MEMBERS = 500


@page
def list_circles(visit: Visit) -> HttpResponse:
    """Show the person's circles (groups with a wall of posts), invitations, and those open to join."""
    views = circle_queries.circles_of(visit.database, visit.me.id)
    contacts = viewers.load_viewer(visit.database, visit.me.id, circles=False).contacts
    return visit.page(
        "social/circles.html",
        {
            "circles": views,
            "joinable": circle_queries.joinable(visit.database, visit.me.id, visit.me.domain, 50),
            "contacts": finding.named_people(visit.store, contacts),
        },
    )


@form
def create(visit: Visit) -> str:
    """Create a circle (group with a wall of posts) with some of the person's contacts; return its address.

    Raises Denied.
    """
    name = visit.field("name", 128)
    if not name:
        raise Denied(DenyReason.MALFORMED, "name")
    users = [user for user in visit.request.POST.getlist("users") if USER.fullmatch(user)]
    number = circles.create_circle(
        visit.store,
        visit.me,
        name,
        users,
        _joining(visit),
        visit.field("description", 2000, lines=True),
        "",
        visit.now,
    )
    return f"{CIRCLES}{number}/"


def _joining(visit: Visit) -> Joining:
    """Return how people may join the circle (group), as the form says; by default only on invitation."""
    return visit.choice("joining", Joining) or Joining.INVITE


@page
def circle(visit: Visit, number: int) -> HttpResponse:
    """Show a circle (group): its wall of posts and members to its own members, how to join to others. Raises Denied."""
    view = circle_queries.circle_of(visit.database, visit.me.id, number, visit.me.domain)
    if view is None:
        raise Denied(DenyReason.NOT_FOUND)
    is_member = view.own_row is not None and view.own_row.state == Membership.ACTIVE
    context: dict[str, object] = {"view": view, "is_in": is_member}
    if is_member and view.own_row is not None:
        moments = timeline.wall_page(visit.database, visit.me.id, number, page_start(visit), 20)
        rows = queries.members(visit.database, number, 0, MOST_MEMBERS)
        contacts = viewers.load_viewer(visit.database, visit.me.id, circles=False).contacts
        member_ids = {row.user for row in rows}
        rank = RANK[Role(view.own_row.role)]
        context |= {
            "page": shown_page(visit, moments),
            "members": [_shown_member(row, rank, visit.me.id) for row in rows],
            "leads": rank >= RANK[Role.ADMIN],
            "owns": rank >= RANK[Role.OWNER],
            "contacts": finding.named_people(
                visit.store,
                {user: name for user, name in contacts.items() if user not in member_ids},
            ),
            **post_form(visit, number),
        }
    return visit.page("social/circle.html", context)


def _shown_member(row: Member, rank: int, me: str) -> dict[str, object]:
    """Return a member's values for the template. `rank`: the rank of the visitor; `me`: the visitor's id."""
    return {
        "id": row.user,
        "name": row.name,
        "role": row.role,
        "state": row.state,
        "is_me": row.user == me,
        "is_lower": RANK[Role(row.role)] < rank,
    }


@form
def change(visit: Visit, number: int) -> str:
    """Change a circle's (group's) name, description, notice, way of joining, muting, or picture; return its address.

    Raises Denied.
    """
    wanted: dict[str, object] = {
        "name": visit.field("name", 128),
        "description": visit.field("description", 2000, lines=True),
        "notice": visit.field("notice", 2000, lines=True),
        "joining": _joining(visit),
        "mute_all": visit.request.POST.get("mute_all") == "1",
    }
    if not wanted["name"]:
        raise Denied(DenyReason.MALFORMED, "name")
    if files := visit.request.FILES.getlist("picture"):
        wanted["picture"] = store_files(visit, files[:1])[0]
    circles.change_circle(visit.store, visit.me, number, wanted, visit.now)
    return f"{CIRCLES}{number}/"


@form
def change_membership(visit: Visit, number: int) -> str:
    """Carry out a button of a circle's (group's) page, such as join, leave, invite or remove.

    Returns the address to go to. Raises Denied, also for an unknown button.
    """
    user = visit.request.POST.get("user", "")
    if user and not USER.fullmatch(user):
        raise Denied(DenyReason.NOT_FOUND)
    store, me, now, action = visit.store, visit.me, visit.now, visit.request.POST.get("do")
    match action:
        case "join":
            members.join_group(store, number, me, now)
        case "leave":
            members.leave_conversation(store, number, me, now)
        case "dissolve":
            conversations.dissolve(store, number, me, now)
        case "invite" | "admit":
            members.add_members(store, number, me, [user], action == "invite", now)
        case "remove":
            members.remove_member(store, number, me, user, now)
        case "admin" | "member" | "owner":
            members.set_role(store, number, me, user, Role(action), now)
        case _:
            raise Denied(DenyReason.NOT_FOUND)
    return CIRCLES if action in ("leave", "dissolve") else f"{CIRCLES}{number}/"
