"""The tables of circles, posts (moments), likes, comments, and of the files that they carry."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from foundation.clock import next_id
from im.models import choices_of
from social.models.people import Label
from social.rules.limits import MomentKind


class Circle(models.Model):
    """Represent a circle: a group conversation with a wall, where its members publish posts (moments).

    Members, roles, name, notice and chat are the conversation's.
    """

    conversation = models.BigIntegerField(primary_key=True)
    description = models.TextField(max_length=2000, blank=True, default="")
    picture = models.UUIDField(null=True)

    def __str__(self) -> str:
        return str(self.conversation)


class Moment(models.Model):
    """A post (moment): a post to friends or a circle. `rules/visibility.py` says who sees it.

    `id` grows with time. `place` is 0 for contacts, -1 for the author alone, else a circle.
    """

    id = models.BigIntegerField(primary_key=True, default=next_id, editable=False)
    author = models.CharField(max_length=40)
    author_name = models.CharField(max_length=64)
    place = models.BigIntegerField()
    has_only = models.BooleanField(default=False)
    has_except = models.BooleanField(default=False)
    kind = models.CharField(max_length=8, choices=choices_of(MomentKind))
    text = models.TextField(max_length=5000, blank=True, default="")
    files = models.JSONField(default=list, help_text="Id, type and measures of each.")
    client_id = models.CharField(max_length=64, null=True, db_collation="utf8mb4_bin")
    sent_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["author", "client_id"], name="social_moment_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["author", "place", "id"], name="social_moment_of"),
            models.Index(fields=["place", "id"], name="social_moment_on"),
        ]

    def __str__(self) -> str:
        return f"{self.id} by {self.author}"


class MomentReader(models.Model):
    """Represent a person on the list of those who alone see a post (moment), frozen when it was posted."""

    pk = models.CompositePrimaryKey("moment_id", "user")
    moment = models.ForeignKey(Moment, on_delete=models.CASCADE)
    user = models.CharField(max_length=40)

    def __str__(self) -> str:
        return f"{self.user} sees {self.moment_id}"


class MomentExclusion(models.Model):
    """Represent a label whose people do not see a post (moment)."""

    pk = models.CompositePrimaryKey("moment_id", "label_id")
    moment = models.ForeignKey(Moment, on_delete=models.CASCADE)
    label = models.ForeignKey(Label, on_delete=models.CASCADE)

    def __str__(self) -> str:
        return f"{self.moment_id} without {self.label_id}"


class Like(models.Model):
    """Represent a person who likes a post (moment). The number of likes is the number of rows."""

    pk = models.CompositePrimaryKey("moment_id", "user")
    moment = models.ForeignKey(Moment, on_delete=models.CASCADE, db_index=False)
    user = models.CharField(max_length=40)
    user_name = models.CharField(max_length=64)
    author = models.CharField(max_length=40, help_text="The moment's author, who gets a notice.")
    at = models.BigIntegerField(default=next_id)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["author", "at"], name="social_liked")]

    def __str__(self) -> str:
        return f"{self.user} likes {self.moment_id}"


class Comment(models.Model):
    """A comment on a post (moment), or a reply to another comment. `id` grows with time."""

    id = models.BigIntegerField(primary_key=True, default=next_id, editable=False)
    moment = models.ForeignKey(Moment, on_delete=models.CASCADE, db_index=False)
    user = models.CharField(max_length=40)
    user_name = models.CharField(max_length=64)
    author = models.CharField(max_length=40, help_text="The moment's author, who gets a notice.")
    reply_to = models.BigIntegerField(null=True)
    reply_user = models.CharField(max_length=40, blank=True, default="")
    text = models.CharField(max_length=1000)
    client_id = models.CharField(max_length=64, null=True, db_collation="utf8mb4_bin")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["moment", "user", "client_id"], name="social_comment_once"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["moment", "id"], name="social_comment_of"),
            models.Index(fields=["author", "id"], name="social_commented"),
            models.Index(fields=["reply_user", "id"], name="social_replied"),
        ]

    def __str__(self) -> str:
        return f"{self.user} on {self.moment_id}"


class FileUse(models.Model):
    """The use of an uploaded file by a post (moment), a card or a circle, whose rule says who may read it."""

    pk = models.CompositePrimaryKey("file", "kind", "subject")
    file = models.UUIDField()
    kind = models.CharField(
        max_length=8, choices=[(word, word) for word in ("moment", "card", "circle")]
    )
    subject = models.CharField(max_length=40, help_text="The moment, the person, or the circle.")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["kind", "subject"], name="social_file_of")]

    def __str__(self) -> str:
        return f"{self.file} in {self.kind} {self.subject}"
