"""People like posts (moments) and comment on them; the author and those who are answered get notices.

Each function is one transaction. A like and its end may be repeated without further effect. All
raise `Denied`.
"""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction

from foundation import clock
from foundation.cells.directory import PlatformStore
from im.data import journal
from im.data.locked_conversation import Denied
from im.data.people import Person
from im.rules.conversation_decisions import DenyReason
from im.rules.messages import Data
from im.rules.vocabulary import Cmd
from social.data import notify, timeline, viewers
from social.data.timeline import Counts, Post
from social.models import Comment, Like
from social.rules.limits import MAX_COMMENTS
from social.rules.visibility import Viewer

NO_MOMENT = "there is no such moment, or it is not for you"
NO_COMMENT = "there is no such comment, or it is not for you"


def like_moment(store: PlatformStore, me: Person, number: int, on: bool, now: datetime) -> Counts:
    """Like the post (moment) `number`, or take the like back (`on` false); return its numbers of likes and comments.

    Each like is a row, so that simultaneous likes do not wait for each other, and the count is exact. Raises ReadOnly
    while another site serves the platform.
    """
    database = store.database
    with transaction.atomic(using=database):
        journal.require_serving(store)
        post, viewer = seen_post(database, me, number)
        own_like = Like.objects.using(database).filter(moment_id=number, user=me.id)
        if not on:
            own_like.delete()
        elif not own_like.exists():
            row = Like(
                moment_id=number,
                user=me.id,
                user_name=me.name,
                author=post.author,
                at=clock.next_id(),
            )
            Like.objects.using(database).bulk_create([row], ignore_conflicts=True)
            _notify_of_reaction(store, me, post, "liked", {}, {post.author}, now)
        return timeline.counts(database, viewer, [number])[number]


def seen_post(database: str, me: Person, number: int) -> tuple[Post, Viewer]:
    """Return the post (moment) `number`, and the person as its viewer. Raises Denied if the person does not see it."""
    post_and_viewer = timeline.visible_post(database, me.id, number)
    if post_and_viewer is None:
        raise Denied(DenyReason.NOT_FOUND, NO_MOMENT)
    return post_and_viewer


def add_comment(
    store: PlatformStore,
    me: Person,
    number: int,
    text: str,
    reply_to: int | None,
    client_id: str | None,
    now: datetime,
) -> int:
    """Comment on the post (moment) `number`, or reply to the comment `reply_to` on it; return the comment's id.

    A repeated request with the same `client_id` returns the first one's. Raises Denied.
    """
    database = store.database
    try:
        with transaction.atomic(using=database):
            journal.require_serving(store)
            post, viewer = seen_post(database, me, number)
            replied_user = _replied_user(database, viewer, number, reply_to)
            row = Comment(
                id=clock.next_id(),
                moment_id=number,
                user=me.id,
                user_name=me.name,
                author=post.author,
                reply_to=reply_to,
                reply_user=replied_user,
                text=text,
                client_id=client_id,
            )
            row.save(using=database, force_insert=True)
            about = {"comment_id": str(row.id), "reply_to": str(reply_to) if reply_to else None}
            people = _people_to_notify(database, post, replied_user)
            _notify_of_reaction(store, me, post, "commented", about, people, now)
    except IntegrityError:
        earlier = Comment.objects.using(database).filter(
            moment_id=number, user=me.id, client_id=client_id
        )
        first = earlier.values_list("pk", flat=True).first() if client_id else None
        if first is None:
            raise Denied(DenyReason.NOT_FOUND, NO_MOMENT) from None
        return first
    return row.id


def _replied_user(database: str, viewer: Viewer, number: int, reply_to: int | None) -> str:
    """Return the id of the author of the comment `reply_to`; "" if it is `None`.

    Raises Denied if there is no such comment, or if the post (moment) `number` has too many.
    """
    rows = Comment.objects.using(database).filter(moment_id=number)
    if rows.count() >= MAX_COMMENTS:
        raise Denied(DenyReason.FULL, f"at most {MAX_COMMENTS} comments are taken")
    if reply_to is None:
        return ""
    user = rows.filter(pk=reply_to).values_list("user", flat=True).first()
    if user is None or user in viewer.blocked:
        raise Denied(DenyReason.NOT_FOUND, f"reply_to: {NO_COMMENT}")
    return user


def _people_to_notify(database: str, post: Post, replied: str) -> set[str]:
    """Return the ids of the post's author and of the person replied to, if that person still sees the post (moment)."""
    people = {post.author}
    if replied and replied != post.author:
        reader = viewers.viewer_of(database, replied, post.audience)
        if viewers.visible(database, reader, {post.id: post.audience}):
            people.add(replied)
    return people


def delete_comment(
    store: PlatformStore, me: Person, number: int, comment_id: int, now: datetime
) -> None:
    """Delete a comment. Raises Denied unless the person wrote the comment or the post (moment)."""
    database = store.database
    with transaction.atomic(using=database):
        journal.require_serving(store)
        row = Comment.objects.using(database).filter(pk=comment_id, moment_id=number).first()
        if row is None or me.id not in (row.user, row.author):
            raise Denied(DenyReason.NOT_FOUND, NO_COMMENT)
        row.delete(using=database)


def _notify_of_reaction(
    store: PlatformStore,
    me: Person,
    post: Post,
    event: str,
    more: Data,
    people: set[str],
    now: datetime,
) -> None:
    """Notify these people, except the acting person (`me`), of a like or a comment.

    `event`: "liked" or "commented"; `more`: further fields of the notice.
    """
    about: Data = {
        "what": event,
        "moment_id": str(post.id),
        "user_id": me.id,
        "name": me.name,
        **more,
    }
    if users := sorted(people - {me.id}):
        notify.stage_notice(store, Cmd.REACTION, about, users, now)
