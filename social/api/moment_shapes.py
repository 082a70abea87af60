"""The module builds answers of the HTTP API about circles and posts (moments), and describes them by classes."""

from __future__ import annotations

from rest_framework import serializers

from foundation import clock
from im.api.request_forms import values_of
from im.api.serializers import Done, PersonShape
from im.data.people import Person
from im.rules.messages import Data, wire_time
from im.rules.vocabulary import Joining, Membership, Role
from social.api.people_shapes import person
from social.data.circle_queries import CircleView
from social.data.reaction_queries import NoticeGroup
from social.data.timeline import Counts, MomentPage, Post
from social.models import Comment
from social.rules.limits import MAX_NAMED, MomentKind
from social.rules.visibility import CONTACTS, PRIVATE, Viewer

_Form = serializers.Serializer[object]
_TO = {CONTACTS: "contacts", PRIVATE: "self"}


def circle(view: CircleView) -> Data:
    """Return a circle (group with a wall of posts) in the form of the API, as a person sees it."""
    row, conversation, own_row = view.circle, view.conversation, view.own_row
    return {
        "circle_id": str(row.pk),
        "name": conversation.name,
        "description": row.description,
        "picture": str(row.picture) if row.picture else None,
        "notice": conversation.notice,
        "joining": conversation.joining,
        "mute_all": conversation.mute_all,
        "members": conversation.members,
        "role": own_row.role if own_row else None,
        "state": own_row.state if own_row else None,
    }


def moment(post: Post, counts: Counts, viewer: Viewer) -> Data:
    """Return a post (moment) in the form of the API, as a viewer sees it.

    Only its author learns that it has lists of included or excluded people.
    """
    audience = post.audience
    shown: Data = {
        "moment_id": str(post.id),
        "author_id": post.author,
        "author_name": viewer.contacts.get(post.author) or post.author_name,
        "to": _TO.get(audience.place, str(audience.place)),
        "kind": post.kind,
        "text": post.text,
        "files": post.files,
        "sent_at": wire_time(post.sent_at),
        "likes": counts.likes,
        "liked": counts.liked,
        "comments": counts.comments,
    }
    if post.author == viewer.id:
        shown |= {"has_only": audience.has_only, "has_except": audience.has_except}
    return shown


def page(moments: MomentPage) -> Data:
    """Return a page of posts (moments) in the form of the API."""
    return {
        "moments": [
            moment(post, moments.counts[post.id], moments.viewer) for post in moments.posts
        ],
        "next": str(moments.next_before) if moments.next_before else None,
    }


def comment(row: Comment, viewer: Viewer) -> Data:
    """Return a comment in the form of the API, as a viewer of its post (moment) sees it."""
    return {
        "comment_id": str(row.pk),
        "user_id": row.user,
        "name": viewer.contacts.get(row.user) or row.user_name,
        "reply_to": str(row.reply_to) if row.reply_to else None,
        "text": row.text,
        "sent_at": wire_time(clock.moment_of(row.pk)),
    }


def notice(group: NoticeGroup, seen_id: int) -> Data:
    """Return a group of notices in the form of the API: the latest people by name, and how many there are.

    `seen_id`: up to which notice the person has seen them.
    """
    return {
        "what": group.what,
        "moment_id": str(group.moment),
        "last_id": str(group.last_id),
        "people": [{"user_id": user, "name": name} for user, name in group.named],
        "count": len(group.people),
        "seen": group.last_id <= seen_id,
    }


def readers(people: list[str], persons: dict[str, Person]) -> Data:
    """Return how many people see a post (moment), and the first MAX_NAMED of them by name. `persons`: id -> person."""
    known = sorted(
        (persons[user] for user in people if user in persons), key=lambda reader: reader.name
    )
    return {"count": len(people), "people": [person(reader) for reader in known[:MAX_NAMED]]}


# ---- serializers that describe these answers in the API's documentation -------------------------


class CircleShape(_Form):
    """A circle (group with a wall of posts); `role` and `state` are null for a caller who is not in it."""

    circle_id = serializers.CharField(help_text="Also the id of its conversation.")
    name = serializers.CharField()
    description = serializers.CharField()
    picture = serializers.CharField(allow_null=True, help_text="The id of a file.")
    notice = serializers.CharField()
    joining = serializers.ChoiceField(values_of(Joining))
    mute_all = serializers.BooleanField()
    members = serializers.IntegerField()
    role = serializers.ChoiceField(values_of(Role), allow_null=True)
    state = serializers.ChoiceField(values_of(Membership), allow_null=True)


class Circles(Done):
    """The caller's circles (groups with a wall of posts), and those of the tenant that the caller may join."""

    circles = CircleShape(many=True)
    joinable = CircleShape(many=True)


class OneCircle(Done):
    """The answer with one circle (group with a wall of posts)."""

    circle = CircleShape()


class MomentFileShape(_Form):
    """A file of a post (moment); it is fetched at `/api/v1/im/files/{id}`."""

    id = serializers.CharField()
    content_type = serializers.CharField()
    width = serializers.IntegerField(allow_null=True)
    height = serializers.IntegerField(allow_null=True)
    duration_ms = serializers.IntegerField(allow_null=True)
    has_thumbnail = serializers.BooleanField()


class MomentShape(_Form):
    """A post (moment) as the caller sees it; only posts of the caller have the fields `has_only` and `has_except`."""

    moment_id = serializers.CharField()
    author_id = serializers.CharField()
    author_name = serializers.CharField()
    to = serializers.CharField(help_text="contacts, self, or the id of a circle.")
    kind = serializers.ChoiceField(values_of(MomentKind))
    text = serializers.CharField()
    files = MomentFileShape(many=True)
    sent_at = serializers.DateTimeField()
    likes = serializers.IntegerField()
    liked = serializers.BooleanField()
    comments = serializers.IntegerField()
    has_only = serializers.BooleanField(required=False)
    has_except = serializers.BooleanField(required=False)


class Moments(Done):
    """A page of posts (moments), the latest first; `next` is null at the end."""

    moments = MomentShape(many=True)
    next = serializers.CharField(allow_null=True)


class OneMoment(Done):
    """The answer with one post (moment)."""

    moment = MomentShape()


class MomentReaders(Done):
    """The people who see a post (moment): their number, and the first 100 by name."""

    count = serializers.IntegerField()
    people = PersonShape(many=True)


class LikeState(Done):
    """The number of likes of a post (moment), and whether the caller likes it."""

    likes = serializers.IntegerField()
    liked = serializers.BooleanField()


class Likers(Done):
    """The latest people who like a post (moment)."""

    people = PersonShape(many=True)


class CommentShape(_Form):
    """A comment on a post (moment)."""

    comment_id = serializers.CharField()
    user_id = serializers.CharField()
    name = serializers.CharField()
    reply_to = serializers.CharField(allow_null=True)
    text = serializers.CharField()
    sent_at = serializers.DateTimeField()


class Comments(Done):
    """A page of comments in their order; `next` is null at the end."""

    comments = CommentShape(many=True)
    next = serializers.CharField(allow_null=True)


class Commented(Done):
    """The id of the new comment."""

    comment_id = serializers.CharField()


class NoticeShape(_Form):
    """Likes, comments or replies of one post (moment), grouped."""

    what = serializers.ChoiceField(["liked", "commented", "replied"])
    moment_id = serializers.CharField()
    last_id = serializers.CharField()
    people = PersonShape(many=True)
    count = serializers.IntegerField()
    seen = serializers.BooleanField()


class Notices(Done):
    """The grouped notices of the last 30 days, the latest first."""

    notices = NoticeShape(many=True)
    unseen = serializers.IntegerField()


class MonthShape(_Form):
    """A month with pictures."""

    month = serializers.CharField()
    pictures = serializers.IntegerField()


class Album(Done):
    """The months of the album, or the posts (moments) of one month with their pictures."""

    months = MonthShape(many=True)
    moments = MomentShape(many=True)
