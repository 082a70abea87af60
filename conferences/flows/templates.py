"""Templates and virtual rooms are made, changed and deleted (CSS §6, §7): by a conference manager (CM), over HTTP, in pages.

CM  -> CSS  CM_MAU_CREATETEMPLATE_REQ                    on_create_template
CSS -> CM   MAU_CM_CREATETEMPLATE_ACK | MAU_CM_CREATETEMPLATE_NACK

CM  -> CSS  CM_MAU_MDFTEMPLATE_REQ                       on_change_template
CSS -> CM   MAU_CM_MDFTEMPLATE_ACK | MAU_CM_MDFTEMPLATE_NACK

CM  -> CSS  CM_MAU_DELTEMPLATE_REQ                       on_delete_template
CSS -> CM   MAU_CM_DELTEMPLATE_ACK | MAU_CM_DELTEMPLATE_NACK

CSS -> UPU  CSS_UPU_ADDCONF_NTF | CSS_UPU_MDFCONF_NTF | CSS_UPU_DELCONF_NTF

Messages are about public templates; HTTP and pages about personal ones and rooms, too (`make`, `edit`, `delete`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from conferences.data.database_unit_of_work import ConferencesDatabaseUnitOfWork
from conferences.data.unit_of_work import ConferencesUnitOfWork
from conferences.rules.create import CreateRefusal
from conferences.rules.stored import (
    WIRE_FIELDS,
    Changes,
    Draft,
    Fields,
    Kind,
    StoredConference,
    from_draft,
    refuse_beside_others,
    refuse_settings,
    refuse_use,
    registry_notices,
    with_changes,
)
from conferences.rules.templates import changes_of, draft_of
from foundation.bus import wake_up
from foundation.bus.envelope import Envelope
from foundation.bus.outgoing import Answer
from foundation.bus.registry import handles
from foundation.bus.retry import AT_ONCE, run_with_retries
from foundation.bus.unit_of_work import begin
from foundation.cells import sql
from wire.error_codes import MEANING, Err
from wire.routes import Routes
from wire.templates import (
    ChangeTemplate,
    CreateTemplate,
    DeleteTemplate,
    TemplateChanged,
    TemplateCreated,
    TemplateDeleted,
    TemplateNotChanged,
    TemplateNotCreated,
    TemplateNotDeleted,
)

T = TypeVar("T")


class StoredRefused(Exception):
    """A template or virtual room is not made, changed or deleted; `code` and `detail` say why."""

    def __init__(self, refusal: CreateRefusal) -> None:
        self.code = refusal.code
        meaning = MEANING[refusal.code]
        self.detail = (
            refusal.detail if ":" in refusal.detail else f"{refusal.detail}: {meaning}".lstrip(": ")
        )
        super().__init__(self.detail)


# ---- messages ------------------------------------------------------------------------------------


@handles(CreateTemplate)
def on_create_template(
    uow: ConferencesUnitOfWork, request: CreateTemplate, envelope: Envelope
) -> None:
    """Add a public template, with a number; or refuse."""
    _answer(
        uow,
        request,
        envelope,
        lambda: add(uow, draft_of(request), WIRE_FIELDS, request.templateid),
        (TemplateCreated, TemplateNotCreated),
    )


@handles(ChangeTemplate)
def on_change_template(
    uow: ConferencesUnitOfWork, request: ChangeTemplate, envelope: Envelope
) -> None:
    """Change what the request gives of a public template; or refuse."""

    def changing() -> StoredConference:
        template = _template(uow, request)
        return change(uow, template, changes_of(template, request), WIRE_FIELDS)

    _answer(uow, request, envelope, changing, (TemplateChanged, TemplateNotChanged))


@handles(DeleteTemplate)
def on_delete_template(
    uow: ConferencesUnitOfWork, request: DeleteTemplate, envelope: Envelope
) -> None:
    """Delete a public template; or refuse."""

    def deleting() -> StoredConference:
        template = _template(uow, request)
        remove(uow, template, WIRE_FIELDS)
        return template

    _answer(uow, request, envelope, deleting, (TemplateDeleted, TemplateNotDeleted))


def _template(
    uow: ConferencesUnitOfWork, request: ChangeTemplate | DeleteTemplate
) -> StoredConference:
    """Return the public template that a request names. Raises StoredRefused."""
    stored = uow.stored.find(request.templateid)
    template = stored if stored and stored.kind is Kind.PUBLIC else None
    refusal = refuse_use(template, request.user_domain, WIRE_FIELDS)
    if refusal or template is None:
        raise StoredRefused(refusal or CreateRefusal(Err.NOT_FOUND, WIRE_FIELDS.id))
    return template


def _answer(
    uow: ConferencesUnitOfWork,
    request: CreateTemplate | ChangeTemplate | DeleteTemplate,
    envelope: Envelope,
    work: Callable[[], StoredConference],
    answers: tuple[type[TemplateCreated], type[TemplateNotCreated]],
) -> None:
    """Call `work`, and answer with the first of `answers` (ACK), or the second (NACK) if it raises StoredRefused."""
    acknowledged, refused = answers
    message: TemplateCreated | TemplateNotCreated
    try:
        template = work()
        message = acknowledged(reqid=request.reqid, templateid=template.id, e164=template.e164)
    except StoredRefused as refusal:
        message = refused(reqid=request.reqid, errcode=refusal.code, detail=refusal.detail)
    uow.send(Answer(request=envelope.request, message=message, route=Routes.CSS_TO_CM))


# ---- within a transaction ------------------------------------------------------------------------


def add(
    uow: ConferencesUnitOfWork, draft: Draft, fields: Fields, stored_id: str | None = None
) -> StoredConference:
    """Keep a new template or virtual room, with its number, and tell the registries. Raises StoredRefused."""
    if stored_id and uow.stored.find(stored_id):
        raise StoredRefused(CreateRefusal(Err.NAME_TAKEN, fields.id))
    tenant = uow.tenant(draft.user_domain)
    platform = tenant.platform if tenant else ""
    stored = from_draft(draft, stored_id or uow.new_id(), platform, uow.now)
    _check(uow, stored, fields, is_new=True)
    if draft.e164 != "":
        stored = _numbered(uow, stored, draft.e164, fields)
    uow.stored.save(None, stored)
    _tell(uow, None, stored)
    return stored


def change(
    uow: ConferencesUnitOfWork, before: StoredConference, changes: Changes, fields: Fields
) -> StoredConference:
    """Change a template or virtual room, and tell the registries. Raises StoredRefused."""
    after = with_changes(before, changes, uow.now)
    _check(uow, after, fields, is_new=False)
    if changes.numbered and not before.e164:
        after = _numbered(uow, after, None, fields)
    elif changes.e164 is not None and changes.e164 != before.e164:
        after = (
            _numbered(uow, after, changes.e164, fields)
            if changes.e164
            else msgspec.structs.replace(after, e164="")
        )
        if before.e164:
            uow.drop_number_hold(before.e164)
    uow.stored.save(before, after)
    _tell(uow, before, after)
    return after


def remove(uow: ConferencesUnitOfWork, stored: StoredConference, fields: Fields) -> None:
    """Delete a template or virtual room, give its number back, and tell the registries. Raises StoredRefused.

    The conference of a template, if it runs, goes on. A room in which one is held stays.
    """
    if stored.kind is Kind.ROOM and uow.load(stored.e164):
        detail = f"{fields.id}: a conference is held in this room; end it first"
        raise StoredRefused(CreateRefusal(Err.WRONG_STATE, detail))
    uow.stored.delete(stored)
    if stored.e164:
        uow.drop_number_hold(stored.e164)
    _tell(uow, stored, None)


def _check(
    uow: ConferencesUnitOfWork, stored: StoredConference, fields: Fields, *, is_new: bool
) -> None:
    """Raise StoredRefused if a template or room has settings that are not permitted, a name that is taken, or is too many."""
    tenant = uow.tenant(stored.user_domain)
    refusal = refuse_settings(stored, tenant, uow.serving) or refuse_beside_others(
        stored, uow.stored.others(stored), fields, is_new=is_new
    )
    if refusal:
        raise StoredRefused(refusal)


def _numbered(
    uow: ConferencesUnitOfWork, stored: StoredConference, requested: str | None, fields: Fields
) -> StoredConference:
    """Return a template or virtual room with the requested number, or the next free one, kept for it. Raises StoredRefused."""
    number = uow.hold_number(requested, stored.holder)
    if number is None:
        raise StoredRefused(CreateRefusal(Err.NUMBER_TAKEN, fields.e164))
    return msgspec.structs.replace(stored, e164=number)


def _tell(
    uow: ConferencesUnitOfWork, before: StoredConference | None, after: StoredConference | None
) -> None:
    """Tell the number registries what has become of the number; `None`: there was none before, or is none after."""
    for notice in registry_notices(before, after, uow.own_site):
        uow.send(notice)


# ---- for HTTP, pages and the admin ---------------------------------------------------------------


def make(platform: str, draft: Draft, fields: Fields) -> StoredConference:
    """Make a template or virtual room of a platform that is served here. Raises StoredRefused."""
    return _in_transaction(platform, lambda uow: add(uow, draft, fields))


def edit(
    platform: str, stored_id: str, user_domain: str, changes: Changes, fields: Fields
) -> StoredConference:
    """Change a template or virtual room of a user domain. Raises StoredRefused."""
    return _in_transaction(
        platform,
        lambda uow: change(uow, _found(uow, stored_id, user_domain, fields), changes, fields),
    )


def delete(platform: str, stored_id: str, user_domain: str, fields: Fields) -> None:
    """Delete a template or virtual room of a user domain. Raises StoredRefused."""
    _in_transaction(
        platform, lambda uow: remove(uow, _found(uow, stored_id, user_domain, fields), fields)
    )


def _found(
    uow: ConferencesUnitOfWork, stored_id: str, user_domain: str, fields: Fields
) -> StoredConference:
    """Lock and return the template or room with this id, which must be the user domain's. Raises StoredRefused."""
    stored = uow.stored.find(stored_id)
    refusal = refuse_use(stored, user_domain, fields)
    if refusal or stored is None:
        raise StoredRefused(refusal or CreateRefusal(Err.NOT_FOUND, fields.id))
    return stored


def _in_transaction(platform: str, work: Callable[[ConferencesUnitOfWork], T]) -> T:
    """Do something in one transaction, again if two had the same wish at once; return its result."""

    def once() -> T:
        with begin(platform) as uow:
            if not uow.is_open:
                raise StoredRefused(CreateRefusal(Err.SERVICE_STOPPED, ""))
            return work(uow.part(ConferencesDatabaseUnitOfWork))

    result = run_with_retries(once, AT_ONCE, sql.is_passing)
    wake_up.everywhere(platform)
    return result
