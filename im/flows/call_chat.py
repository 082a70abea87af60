"""Define the flow by which somebody in a call writes into the conference's chat, with an account or as a guest.

    page of the call -> its pass is checked (conferences/pages/chat_in_call.py)
      -> the text is checked as that of any client, by the plugins too
      -> lock of the conversation -> entry of its log -> members who are online are told
Guests are no members: they write, and read, only through the page of the call.
"""

from __future__ import annotations

from functools import cache

from domains.data.hooks import CallText
from foundation import clock
from foundation.cells.directory import PlatformStore, store_of
from im.data import call_messages, people, queries
from im.data.journal import NotServedHere, ReadOnly
from im.data.locked_conversation import Denied, LockedConversation, lock_conversation
from im.data.people import Person
from im.flows.plugins.filters import Filter, load_filters
from im.rules import message_decisions as rules
from im.rules.call_guests import guest_id, marked_name
from im.rules.conversation_decisions import DenyReason
from im.rules.message_decisions import ConversationFacts, MemberFacts
from im.rules.messages import DraftEntry, IncomingRequest, RefusedMessage, Say
from im.rules.parse import InvalidMessage, client_msg_id_of, message_text
from im.rules.vocabulary import Cmd, Membership, Role, Type

AWAY = DenyReason.AWAY.value
"""The conversation cannot be written now; the page tries again."""


def write_from_call(platform: str, confid: str, call_text: CallText) -> str:
    """Write a text into the chat of a conference; return "" once it is stored, else a code that says why it is refused.

    The caller has checked that the writer was let in. A text that was stored before, with the same key, is stored
    once.
    """
    store = store_of(platform)
    conversation = call_messages.conversation_of(store.database, confid)
    if conversation is None:
        return AWAY
    number, writer = conversation[0], _writer(store, call_text)
    try:
        request = Say(number, Type.TEXT, message_text({"body": call_text.text}))
        client_msg_id_of({"client_msg_id": call_text.key})
    except InvalidMessage as invalid:
        return invalid.code.value
    checked = _checked(IncomingRequest(writer.id, "", request, call_text.key))
    if isinstance(checked, RefusedMessage):
        return checked.code.value
    try:
        with lock_conversation(store, number, writer, clock.now()) as locked:
            return _append(locked, checked, call_text)
    except (Denied, NotServedHere, ReadOnly):
        return AWAY


def _writer(store: PlatformStore, call_text: CallText) -> Person:
    """Return the person who writes: the one with the account, or a guest."""
    if call_text.account and (
        person := people.people_by_id(store, [call_text.account]).get(call_text.account)
    ):
        return person
    return Person(guest_id(call_text.visitor), marked_name(call_text.name), "")


@cache
def _filters() -> list[Filter]:
    """Return the plugins that check texts; they are loaded once in a process."""
    return load_filters()


def _checked(incoming: IncomingRequest) -> Say | RefusedMessage:
    """Return the request with its text as the plugins have changed it, or the refusal of the first that refuses it."""
    for text_filter in _filters():
        (result,) = text_filter.apply([incoming])
        if isinstance(result, RefusedMessage):
            return result
        incoming = result
    assert isinstance(incoming.request, Say)
    return incoming.request


def _append(locked: LockedConversation, request: Say, call_text: CallText) -> str:
    """Append a message to the log of the locked conversation; return "", or a code that says why it may not be written.

    Nothing is appended twice with one key. A member then also has read up to the own message, and sees it. Whoever
    steers the conference writes as administrators do.
    """
    row, writer, key = locked.row, locked.me, call_text.key
    if queries.entry_sent_as(locked.database, row.id, writer.id, key):
        return ""
    own = locked.own_row if locked.own_row and locked.own_row.state == Membership.ACTIVE else None
    role, muted_until = (Role(own.role), own.muted_until) if own else (Role.MEMBER, None)
    if call_text.is_chair and role is Role.MEMBER:
        role = Role.ADMIN
    member = MemberFacts(own.pk if own else 0, writer.id, writer.name, role, muted_until, 0)
    facts = ConversationFacts(row.kind, row.closed, row.mute_all, row.last_seq, row.members)
    if refused := rules.why_may_not_write(facts, member, locked.now):
        return refused.code.value
    name = own.name if own else writer.name
    draft = DraftEntry(Cmd.MSG, writer.id, name, key, request.type.value, request.body)
    locked.entries.append(row.append(draft, locked.now, member.id))
    return ""
