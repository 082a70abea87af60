"""The pages of posts (moments): the timeline, one post with its comments, and the album."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.utils.translation import gettext as _

from foundation import clock
from im.data import people
from im.data.locked_conversation import Denied
from im.rules.conversation_decisions import DenyReason
from im.rules.messages import Data
from social.api.moments import month_of
from social.data import (
    circle_queries,
    finding,
    label_queries,
    reaction_queries,
    timeline,
    viewers,
)
from social.data.timeline import MomentPage, Post
from social.flows import cards, moments, reactions
from social.flows.moments import Draft
from social.pages import texts
from social.pages.visit import Visit, form, page, store_files
from social.rules.limits import MAX_COMMENT, MAX_NAMED, MAX_PICTURES, MAX_TEXT, TIMELINE_PAGE
from social.rules.visibility import CONTACTS, PRIVATE

TIMELINE = "/people/moments/"
MOST_COMMENTS = 500


def page_start(visit: Visit) -> int | None:
    """Return the id before which the requested page of posts (moments) begins; `None` means the first page."""
    text = visit.request.GET.get("before", "")
    return int(text) if text.isdecimal() and 0 < int(text) < 2**63 else None


def shown_page(visit: Visit, moments_page: MomentPage) -> dict[str, object]:
    """Return the values of a page of posts (moments) for the template."""
    names = _circle_names(visit, moments_page.posts)
    return {
        "moments": [_shown_moment(visit, moments_page, post, names) for post in moments_page.posts],
        "next": moments_page.next_before,
    }


def _circle_names(visit: Visit, posts: list[Post]) -> dict[int, str]:
    """Return the names of the circles in which these posts (moments) were published: id of the circle -> name."""
    numbers = {post.audience.place for post in posts if post.audience.place > 0}
    return finding.conversation_names(visit.database, numbers) if numbers else {}


def _shown_moment(
    visit: Visit, moments_page: MomentPage, post: Post, names: dict[int, str]
) -> Data:
    """Return the values of one post (moment) for the template. `names`: id of a circle -> its name."""
    place, viewer = post.audience.place, moments_page.viewer
    place_texts = {CONTACTS: "", PRIVATE: _("only for you")}
    return {
        "id": post.id,
        "author": post.author,
        "name": viewer.contacts.get(post.author) or post.author_name,
        "is_mine": post.author == visit.me.id,
        "circle": place if place > 0 else 0,
        "place": place_texts.get(place, names.get(place, "")),
        "is_limited": post.author == visit.me.id
        and (post.audience.has_only or post.audience.has_except),
        "kind": post.kind,
        "text": post.text,
        "files": post.files,
        "sent_at": post.sent_at,
        "counts": moments_page.counts[post.id],
    }


@page
def timeline_page(visit: Visit) -> HttpResponse:
    """Show the person's timeline, the notices, and the form that posts."""
    moments_page = timeline.timeline_page(
        visit.database, visit.me.id, page_start(visit), TIMELINE_PAGE
    )
    groups = reaction_queries.notices(visit.database, visit.me.id, visit.now)
    seen = reaction_queries.seen_id(visit.database, visit.me.id)
    unseen = [group for group in groups if group.last_id > seen]
    return visit.page(
        "social/moments.html",
        {
            "page": shown_page(visit, moments_page),
            "notices": [(group.moment, texts.notice_sentence(group)) for group in unseen[:20]],
            "last_notice": unseen[0].last_id if unseen else 0,
            **post_form(visit),
        },
    )


def post_form(visit: Visit, circle: int = 0) -> dict[str, object]:
    """Return the values for the form that publishes posts (moments).

    `circle`: the only circle to post to; 0 offers all places.
    """
    own = circle_queries.circles_of(visit.database, visit.me.id) if not circle else []
    return {
        "circles": [
            (view.circle.pk, view.conversation.name)
            for view in own
            if view.own_row and view.own_row.state == "active"
        ],
        "circle": circle,
        "labels": label_queries.labels_of(visit.database, visit.me.id),
        "most_pictures": MAX_PICTURES,
        "most_text": MAX_TEXT,
        "mark": str(clock.next_id()),
    }


def draft_of(visit: Visit, files: tuple[UUID, ...]) -> Draft:
    """Return the draft of a post (moment) in a form that publishes one; `files` are the ids of its uploads.

    Raises Denied.
    """
    to = visit.request.POST.get("to", "contacts")
    places = {"contacts": CONTACTS, "self": PRIVATE}
    if to not in places and not (to.isdecimal() and 0 < int(to) < 2**63):
        raise Denied(DenyReason.NOT_FOUND)
    place = places[to] if to in places else int(to)
    readers, labels = visit.request.POST.get("who", "all"), visit.numbers("labels")
    if readers != "all" and not labels:
        raise Denied(DenyReason.MALFORMED, _("choose labels, or everybody"))
    return Draft(
        place,
        visit.field("text", MAX_TEXT, lines=True),
        files,
        only_labels=labels if readers == "only" else (),
        except_labels=labels if readers == "except" else (),
        client_id=visit.field("mark", 64) or None,
    )


@form
def post(visit: Visit) -> str:
    """Publish the post (moment) that a form describes, with the form's files; return the address where it is shown.

    Raises Denied.
    """
    draft_of(visit, ())  # It raises Denied for a wrong form before the files are stored.
    files = visit.request.FILES.getlist("files")
    if len(files) > MAX_PICTURES:
        raise Denied(DenyReason.MALFORMED, _("at most %(n)s pictures") % {"n": MAX_PICTURES})
    draft = draft_of(visit, store_files(visit, files))
    number = moments.post_moment(visit.store, visit.me, draft, visit.now)
    if draft.place > 0:
        return f"/people/circles/{draft.place}/#m{number}"
    return f"{TIMELINE}#m{number}" if draft.place == CONTACTS else "/people/album/"


@form
def preview(visit: Visit) -> str:
    """Show a message with the names of those who would see a post (moment); return the address to go to.

    Nothing is published.
    """
    readers = moments.readers_of_draft(visit.store, visit.me, draft_of(visit, ()))
    messages.info(visit.request, _readers_text(visit, readers))
    return visit.back(TIMELINE)


def _readers_text(visit: Visit, readers: list[str]) -> str:
    """Return a sentence with the number and the names of the people who see a post (moment). `readers`: their ids."""
    if not readers:
        return _("Nobody but you sees it.")
    persons = people.people_by_id(visit.store, readers[:MAX_NAMED])
    names = ", ".join(sorted(person.name for person in persons.values()))
    return _("Shown to %(n)s: %(names)s") % {"n": len(readers), "names": names}


@page
def moment(visit: Visit, number: int) -> HttpResponse:
    """Show a post (moment) with its comments; its author is also shown the people who see it."""
    post, viewer = reactions.seen_post(visit.database, visit.me, number)
    counts = timeline.counts(visit.database, viewer, [number])
    shown = shown_page(visit, MomentPage([post], counts, viewer, None))
    rows = reaction_queries.comments(visit.database, viewer, number, 0, MOST_COMMENTS)
    names = {row.pk: viewer.contacts.get(row.user) or row.user_name for row in rows}
    likers = reaction_queries.likers(visit.database, viewer, number, MAX_NAMED)
    readers = ""
    if post.author == visit.me.id:
        readers = _readers_text(visit, moments.readers_of_own(visit.store, visit.me, number))
    return visit.page(
        "social/moment.html",
        {
            "m": shown["moments"][0],  # type: ignore[index]  # It is a list with this one moment.
            "likers": ", ".join(viewer.contacts.get(row.user) or row.user_name for row in likers),
            "readers": readers,
            "most_comment": MAX_COMMENT,
            "mark": str(clock.next_id()),  # A form that is sent twice adds one comment.
            "comments": [
                {
                    "id": row.pk,
                    "name": names[row.pk],
                    "user": row.user,
                    "to": names.get(row.reply_to or 0, ""),
                    "text": row.text,
                    "at": clock.moment_of(row.pk),
                    "may_delete": visit.me.id in (row.user, row.author),
                }
                for row in rows
            ],
        },
    )


@form
def save_reaction(visit: Visit, number: int) -> str:
    """Like a post (moment), take the like back, comment on it, or delete a comment or the post; return where to go.

    Raises Denied.
    """
    match visit.request.POST.get("do"):
        case "like" | "unlike" as action:
            reactions.like_moment(visit.store, visit.me, number, action == "like", visit.now)
        case "delete":
            moments.delete_moment(visit.store, visit.me, number, visit.now)
            return TIMELINE
        case "delete-comment":
            comment_id = next(iter(visit.numbers("comment")), 0)
            reactions.delete_comment(visit.store, visit.me, number, comment_id, visit.now)
        case _:
            text = visit.field("text", MAX_COMMENT, lines=True)
            if not text:
                raise Denied(DenyReason.MALFORMED, _("write something"))
            reply_to = next(iter(visit.numbers("reply_to")), None)
            client_id = visit.field("mark", 64) or None
            reactions.add_comment(
                visit.store, visit.me, number, text, reply_to, client_id, visit.now
            )
    return f"{visit.back(f'{TIMELINE}{number}/')}#m{number}"


@form
def notices_seen(visit: Visit) -> str:
    """Mark the notices of likes and comments as seen, up to the one that the form names.

    Return the address to go to.
    """
    last_id = next(iter(visit.numbers("last_id")), 0)
    if 0 < last_id < 2**63:
        cards.mark_notices_seen(visit.store, visit.me, last_id)
    return TIMELINE


@page
def album(visit: Visit) -> HttpResponse:
    """Show the pictures of a month and all posts (moments) of the person, private ones included."""
    months = reaction_queries.album(visit.database, visit.me.id)
    chosen = visit.request.GET.get("month", "")
    if chosen not in months:
        chosen = next(iter(months), "")
    posts = (
        reaction_queries.pictures(visit.database, visit.me.id, *month_of(chosen)) if chosen else []
    )
    viewer = viewers.load_viewer(visit.database, visit.me.id)
    own = timeline.moments_of_person(
        visit.database, visit.me.id, visit.me.id, page_start(visit), 20
    )
    return visit.page(
        "social/album.html",
        {
            "months": list(months.items()),
            "chosen": chosen,
            "pictures": [(post.id, file) for post in posts for file in post.files],
            "page": shown_page(visit, MomentPage(own.posts, own.counts, viewer, own.next_before)),
        },
    )
