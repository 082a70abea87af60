"""The shared notes and the whiteboard of a call: its page sends what people write, and fetches what others wrote."""

from __future__ import annotations

import base64
import binascii

from django.http import HttpRequest, QueryDict

from conferences.data import shared_document_rows
from conferences.flows import shared_documents
from conferences.pages.entrance import role_in
from conferences.pages.in_call import Answer, Insider, for_insiders, refused, whole_number
from conferences.rules.chairs import leads
from conferences.rules.shared_documents import MAX_UPDATE, DocumentRefused, Kind, may_write
from foundation.cells.directory import store_of

_STATUS = {"elsewhere": 503, "not_allowed": 403, "read_only": 403}
"""The HTTP status of refusals; others have 409."""


@for_insiders
def shared_in_call(request: HttpRequest, insider: Insider) -> Answer:
    """Do what `act` says ("write", "clear", "read_only" or nothing), and answer what the page lacks of the document.

    Fields: `document` ("notes" or "board"); `generation` and `after`, up to which the page has all; of "write" the
    `update`, a Yjs update in base64; of "read_only" the `value` (1: only who steers may write, 0: all). A refusal has
    `refused`, a word for the page, and for a fault in the form `why`, a sentence that begins with the field.
    """
    form = request.POST
    act, kind_name = form.get("act", ""), form.get("document", "")
    if insider.is_too_often("draw" if act else "follow"):
        return refused("rate", 429)
    if kind_name not in [*Kind]:
        return _fault(DocumentRefused("document", "document: must be notes or board"))
    try:
        own_update = _act(form, insider, act, Kind(kind_name))
    except DocumentRefused as refusal:
        return _fault(refusal)
    return _news(form, insider, Kind(kind_name), own_update), 200


def _fault(refusal: DocumentRefused) -> Answer:
    """Return the answer that refuses a request about a document."""
    answer, status = refused(refusal.why, _STATUS.get(refusal.why, 409))
    return answer | ({"why": refusal.detail} if refusal.detail else {}), status


def _leads(insider: Insider) -> bool:
    """Return whether a person may clear documents, and let others only read them."""
    conference, granted = insider.conference, insider.granted
    role, is_chaired = role_in(conference, granted), bool(conference.chairman_visitor)
    return leads(role, is_chaired=is_chaired, account=granted.account)


def _act(form: QueryDict, insider: Insider, act: str, kind: Kind) -> bytes:
    """Do what the form says; return the update that it has brought, b"" for none. Raises DocumentRefused."""
    store, confid = store_of(insider.conference.platform), insider.conference.confid
    may_direct = _leads(insider)
    if act == "write":
        update, generation = _update_in(form), whole_number(form.get("generation", ""))
        shared_documents.write(store, confid, kind, generation, update, may_direct=may_direct)
        return update
    if act not in ("", "clear", "read_only"):
        raise DocumentRefused("act", "act: must be write, clear or read_only, or be missing")
    if act and not may_direct:
        raise DocumentRefused("not_allowed")
    if act == "clear":
        shared_documents.clear(store, confid, kind)
    elif act == "read_only":
        is_read_only = form.get("value") == "1"
        shared_documents.set_read_only(store, confid, kind, is_read_only=is_read_only)
    return b""


def _update_in(form: QueryDict) -> bytes:
    """Return the update in a form. Raises DocumentRefused."""
    text = form.get("update", "")
    if len(text) > 4 * (MAX_UPDATE // 3 + 1):
        raise DocumentRefused("update", f"update: is longer than {MAX_UPDATE} bytes")
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise DocumentRefused("update", "update: is not in base64") from None


def _news(form: QueryDict, insider: Insider, kind: Kind, own_update: bytes) -> dict[str, object]:
    """Return what a page lacks of a document, and what its person may do. `own_update`: what it has just sent."""
    generation, after = (whole_number(form.get(name, "")) for name in ("generation", "after"))
    database = store_of(insider.conference.platform).database
    news = shared_document_rows.news_of(
        database, insider.conference.confid, kind, generation, after, own_update
    )
    may_direct = _leads(insider)
    return {
        "generation": news.generation,
        "last": news.last,
        "updates": [base64.b64encode(update).decode() for update in news.updates],
        "read_only": news.is_read_only,
        "may_write": may_write(is_read_only=news.is_read_only, may_direct=may_direct),
        "may_direct": may_direct,
    }
