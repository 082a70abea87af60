"""People publish and delete posts (moments); those who may see a new post are notified.

Each function is one transaction. All raise `Denied`, and NotServedHere or ReadOnly as
`im.data.journal.require_serving` does.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from foundation import clock
from foundation.cells.directory import PlatformStore
from im.data import journal, queries
from im.data.files import queries as files
from im.data.locked_conversation import Denied
from im.data.people import Person
from im.flows import forget_files
from im.models import File
from im.rules.conversation_decisions import RANK, DenyReason
from im.rules.messages import Data
from im.rules.vocabulary import Cmd, Membership, Role
from social.data import audience as audiences
from social.data import file_uses, notify, timeline
from social.data.audience import ReaderLists
from social.models import Circle, Moment, MomentExclusion, MomentReader
from social.rules import limits
from social.rules.limits import MomentKind
from social.rules.visibility import CONTACTS, PRIVATE, Audience

NO_MOMENT = "there is no such moment, or it is not for you"
NO_CIRCLE = "place: there is no such circle, or you are not in it"


@dataclass(frozen=True, slots=True)
class Draft:
    """A post (moment) that a person wants to publish.

    `place` is CONTACTS, PRIVATE, or the id of a circle. `only_labels` and `only_people` limit it to some people, who
    has one of `except_labels` does not see it. `client_id`: a repeated request with the same one publishes nothing
    more; `None` means that each request publishes another post.
    """

    place: int
    text: str = ""
    files: tuple[UUID, ...] = ()
    only_labels: tuple[int, ...] = ()
    only_people: tuple[str, ...] = ()
    except_labels: tuple[int, ...] = ()
    client_id: str | None = None

    @property
    def has_only(self) -> bool:
        """Return whether only chosen people may see the post (moment)."""
        return bool(self.only_labels or self.only_people)


def readers_of_draft(store: PlatformStore, me: Person, draft: Draft) -> list[str]:
    """Return the ids of the people who would see this draft of a post (moment) if it were published. Raises Denied."""
    audience, lists = _audience_of(store.database, me, draft)
    return audiences.people_who_see(store.database, audience, lists)


def readers_of_own(store: PlatformStore, me: Person, number: int) -> list[str]:
    """Return the ids of the people who can see the post (moment) with the id `number` at present.

    Raises Denied unless the person `me` has written it.
    """
    post = own_post(store, me, number)
    lists = audiences.reader_lists_of(store.database, number)
    return audiences.people_who_see(store.database, post.audience, lists)


def own_post(store: PlatformStore, me: Person, number: int) -> timeline.Post:
    """Return the post (moment) with the id `number`. Raises Denied unless the person `me` has written it."""
    for post in timeline.posts(store.database, [number]):
        if post.author == me.id:
            return post
    raise Denied(DenyReason.NOT_FOUND, NO_MOMENT)


def post_moment(store: PlatformStore, me: Person, draft: Draft, now: datetime) -> int:
    """Publish a post (moment), notify those who see it, and return its id. Raises Denied.

    A repeated request with the same `client_id` returns the id of the first post.
    """
    database = store.database
    try:
        with transaction.atomic(using=database):
            journal.require_serving(store)
            audience, lists = _audience_of(database, me, draft)
            own_files = files.own_files(database, me.id, draft.files)
            row = _new_row(me, draft, audience, own_files, now)
            row.save(using=database, force_insert=True)
            _save_lists(database, row.id, lists)
            file_uses.add_uses(database, "moment", str(row.id), draft.files)
            people = audiences.people_who_see(database, audience, lists)
            _notify_of_moment(store, me, row.id, audience, "posted", people, now)
    except IntegrityError:
        earlier = Moment.objects.using(database).filter(author=me.id, client_id=draft.client_id)
        number = earlier.values_list("pk", flat=True).first() if draft.client_id else None
        if number is None:
            raise
        return number
    return row.id


def _audience_of(database: str, me: Person, draft: Draft) -> tuple[Audience, ReaderLists]:
    """Return the audience of a draft, and its lists with the people who have the included labels now. Raises Denied."""
    if draft.place == PRIVATE and (draft.has_only or draft.except_labels):
        raise Denied(DenyReason.MALFORMED, "only: a private post has no lists of readers")
    if draft.place not in (CONTACTS, PRIVATE):
        _check_may_post(database, me, draft.place)
    labels = sorted({*draft.only_labels, *draft.except_labels})
    if labels and audiences.people_with_own_labels(database, me.id, labels) is None:
        raise Denied(DenyReason.NOT_FOUND, "labels: one of them is not a label of yours")
    only: frozenset[str] | None = None
    if draft.has_only:
        only = frozenset(draft.only_people).union(
            audiences.people_with_own_labels(database, me.id, draft.only_labels) or ()
        )
    audience = Audience(me.id, draft.place, draft.has_only, bool(draft.except_labels))
    return audience, ReaderLists(only, tuple(sorted({*draft.except_labels})))


def _check_may_post(database: str, me: Person, circle: int) -> None:
    """Raise Denied unless a person may post to a circle (group): it is open, and the person is an unmuted member."""
    member = queries.member(database, circle, me.id)
    is_circle = Circle.objects.using(database).filter(pk=circle).exists()
    if member is None or not is_circle or member.state != Membership.ACTIVE:
        raise Denied(DenyReason.NOT_FOUND, NO_CIRCLE)
    if member.conversation.closed:
        raise Denied(DenyReason.CLOSED, "place: this circle is dissolved")
    is_muted = member.muted_until is not None and member.muted_until > clock.now()
    is_leader = RANK[Role(member.role)] >= RANK[Role.ADMIN]
    if is_muted or (member.conversation.mute_all and not is_leader):
        raise Denied(DenyReason.NOT_ALLOWED, "place: you are muted in this circle")


def _new_row(
    me: Person, draft: Draft, audience: Audience, own_files: dict[UUID, File], now: datetime
) -> Moment:
    """Return the row of a new post (moment). Raises Denied if its text or files are not allowed."""
    missing = [str(number) for number in draft.files if number not in own_files]
    if missing:
        raise Denied(DenyReason.NOT_FOUND, f"files: {missing[0]} is not a complete upload of yours")
    rows = [own_files[number] for number in draft.files]
    kind = limits.kind_of_files([file.content_type for file in rows])
    if fault := limits.fault_of_files(kind, [file.content_type for file in rows]):
        raise Denied(DenyReason.MALFORMED, fault)
    if kind is MomentKind.TEXT and not draft.text.strip():
        raise Denied(DenyReason.MALFORMED, "text: a moment needs a text or a file")
    if rows and kind is MomentKind.TEXT:
        raise Denied(DenyReason.MALFORMED, "files: pictures, sound and video are taken")
    return Moment(
        id=clock.next_id(),
        author=me.id,
        author_name=me.name,
        place=audience.place,
        has_only=audience.has_only,
        has_except=audience.has_except,
        kind=kind,
        text=draft.text,
        files=[file_uses.file_data(file) for file in rows],
        client_id=draft.client_id,
        sent_at=now,
    )


def _save_lists(database: str, number: int, lists: ReaderLists) -> None:
    """Write who alone sees a new post (moment), and which labels are excluded from it."""
    MomentReader.objects.using(database).bulk_create(
        [MomentReader(moment_id=number, user=user) for user in sorted(lists.only or ())]
    )
    MomentExclusion.objects.using(database).bulk_create(
        [MomentExclusion(moment_id=number, label_id=label) for label in lists.excepts]
    )


def _notify_of_moment(
    store: PlatformStore,
    me: Person,
    number: int,
    audience: Audience,
    event: str,
    people: Collection[str],
    now: datetime,
) -> None:
    """Store in the outbox the notice that a post (moment) was "posted" or "deleted" (`event`).

    It goes to these people, and to the devices of its author `me`. `number` is the post's id.
    """
    about: Data = {
        "what": event,
        "moment_id": str(number),
        "author_id": me.id,
        "author_name": me.name,
        "place": str(audience.place),
    }
    notify.stage_notice(store, Cmd.MOMENT, about, [me.id, *people], now)


def delete_moment(store: PlatformStore, me: Person, number: int, now: datetime) -> None:
    """Delete the post (moment) `number`, with likes, comments, and files that nothing else uses.

    The author may do so; in a circle also its owner and administrators. Raises Denied.
    """
    database = store.database
    with transaction.atomic(using=database):
        journal.require_serving(store)
        post = next(iter(timeline.posts(database, [number])), None)
        if post is None or not (post.author == me.id or _is_circle_leader(database, me, post)):
            raise Denied(DenyReason.NOT_FOUND, NO_MOMENT)
        people = audiences.people_who_see(
            database, post.audience, audiences.reader_lists_of(database, number)
        )
        file_uses.remove_uses(database, "moment", str(number))
        # If this process dies here, the timer deletes the files; nobody may read them meanwhile.
        transaction.on_commit(
            lambda: forget_files.forget_files(store.platform, now), using=database, robust=True
        )
        Moment.objects.using(database).filter(pk=number).delete()
        author = Person(post.author, post.author_name, "")
        _notify_of_moment(store, author, number, post.audience, "deleted", people, now)


def _is_circle_leader(database: str, me: Person, post: timeline.Post) -> bool:
    """Return whether a person is an owner or administrator of the circle in which a post (moment) was published."""
    if post.audience.place in (CONTACTS, PRIVATE):
        return False
    member = queries.member(database, post.audience.place, me.id)
    return (
        member is not None
        and member.state == Membership.ACTIVE
        and RANK[Role(member.role)] >= RANK[Role.ADMIN]
    )
