"""Define the translated texts that the pages of people, circles and posts (moments) get from Python."""

from __future__ import annotations

from django.utils.translation import gettext as _

from social.data.reaction_queries import NoticeGroup
from social.rules.cards import FoundBy, Matching, ShownTo


def card_fields() -> dict[str, str]:
    """Return the names of a card's fields for people: field -> name in the reader's language."""
    return {
        "nickname": _("Nickname"),
        "organisation": _("Organisation"),
        "title": _("Position"),
        "phone": _("Telephone"),
        "email": _("E-mail"),
        "address": _("Address"),
        "birthday": _("Birthday"),
        "url": _("Web page"),
        "note": _("About"),
        "picture": _("Picture"),
    }


def shown_to() -> list[tuple[str, str]]:
    """Return the choices for "Who sees this field of my card?": (value, text)."""
    return [
        (ShownTo.NOBODY.value, _("nobody")),
        (ShownTo.CONTACTS.value, _("my contacts")),
        (ShownTo.CIRCLE.value, _("contacts and circles")),
        (ShownTo.TENANT.value, _("my organisation")),
        (ShownTo.EVERYBODY.value, _("everybody")),
    ]


def found_by() -> list[tuple[str, str]]:
    """Return the choices for "Who finds me?": (value, text)."""
    return [
        (FoundBy.NOBODY.value, _("my contacts only")),
        (FoundBy.CIRCLE.value, _("people of my circles")),
        (FoundBy.TENANT.value, _("my organisation")),
        (FoundBy.EVERYBODY.value, _("everybody")),
    ]


def matching() -> list[tuple[str, str]]:
    """Return the choices for "Who finds me by my number in their address book?": (value, text)."""
    return [
        (Matching.NOBODY.value, _("nobody")),
        (Matching.MUTUAL.value, _("people whose number I have, too")),
        (Matching.EVERYBODY.value, _("everybody who has my number")),
    ]


def notice_sentence(group: NoticeGroup) -> str:
    """Return a group of notices about a post (moment) as a sentence, such as "Ben and 3 more: likes your post"."""
    names = [name for _user, name in group.named]
    who, others = names[0], len(group.people) - 1
    if others:
        who = _("%(name)s and %(n)s more") % {"name": who, "n": others}
    texts = {
        "liked": _("%(who)s: likes your moment"),
        "commented": _("%(who)s: commented on your moment"),
        "replied": _("%(who)s: replied to you"),
    }
    return texts[group.what] % {"who": who}
