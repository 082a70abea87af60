"""Templates and virtual rooms are created, changed and deleted (CSS §6, §7).

CM  -> CSS  CM_MAU_CREATETEMPLATE_REQ                    on_create_template
CSS -> CM   MAU_CM_CREATETEMPLATE_ACK | MAU_CM_CREATETEMPLATE_NACK

CM  -> CSS  CM_MAU_MDFTEMPLATE_REQ                       on_change_template
CSS -> CM   MAU_CM_MDFTEMPLATE_ACK | MAU_CM_MDFTEMPLATE_NACK

CM  -> CSS  CM_MAU_DELTEMPLATE_REQ                       on_delete_template
CSS -> CM   MAU_CM_DELTEMPLATE_ACK | MAU_CM_DELTEMPLATE_NACK

CSS -> UPU  CSS_UPU_ADDCONF_NTF | CSS_UPU_MDFCONF_NTF | CSS_UPU_DELCONF_NTF

Messages of conference managers (CM) are about public templates. The HTTP API and pages also handle personal templates
and virtual rooms, by `create_stored`, `update_stored` and `delete_stored`.
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
from foundation.bus.envelope import Envelope
from foundation.bus.outgoing import Answer
from foundation.bus.registry import handles
from foundation.bus.retry import AT_ONCE, run_with_retries
from foundation.bus.typed_json import read_own, to_json
from foundation.bus.typed_json_words import InvalidValue
from foundation.bus.unit_of_work import begin
from foundation.cells import sql
from wire.conference_settings import ConferenceSettings
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
    """The refusal to create, change or delete a template or virtual room; `code` and `detail` say why."""

    def __init__(self, refusal: CreateRefusal) -> None:
        """Take code and detail of a refusal; a detail that is only a field's name gets the meaning of the code."""
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
    """Add a public template with a number, as a message asks, and answer it; or answer with a refusal."""
    _run_and_answer(
        uow,
        request,
        envelope,
        lambda: create_in(uow, draft_of(request), WIRE_FIELDS, request.templateid),
        (TemplateCreated, TemplateNotCreated),
    )


@handles(ChangeTemplate)
def on_change_template(
    uow: ConferencesUnitOfWork, request: ChangeTemplate, envelope: Envelope
) -> None:
    """Change a public template, as a message asks, and answer it; or answer with a refusal."""

    def change() -> StoredConference:
        """Change the template that the request names. Raises StoredRefused."""
        template = _find_template(uow, request)
        return update_in(uow, template, changes_of(template, request), WIRE_FIELDS)

    _run_and_answer(uow, request, envelope, change, (TemplateChanged, TemplateNotChanged))


@handles(DeleteTemplate)
def on_delete_template(
    uow: ConferencesUnitOfWork, request: DeleteTemplate, envelope: Envelope
) -> None:
    """Delete a public template, as a message asks, and answer it; or answer with a refusal."""

    def delete_template() -> StoredConference:
        """Delete the template that the request names, and return it. Raises StoredRefused."""
        template = _find_template(uow, request)
        delete_in(uow, template, WIRE_FIELDS)
        return template

    _run_and_answer(uow, request, envelope, delete_template, (TemplateDeleted, TemplateNotDeleted))


def _find_template(
    uow: ConferencesUnitOfWork, request: ChangeTemplate | DeleteTemplate
) -> StoredConference:
    """Return the public template that a request names. Raises StoredRefused."""
    stored = uow.stored.find(request.templateid)
    template = stored if stored and stored.kind is Kind.PUBLIC else None
    refusal = refuse_use(template, request.user_domain, WIRE_FIELDS)
    if refusal or template is None:
        raise StoredRefused(refusal or CreateRefusal(Err.NOT_FOUND, WIRE_FIELDS.id))
    return template


def _run_and_answer(
    uow: ConferencesUnitOfWork,
    request: CreateTemplate | ChangeTemplate | DeleteTemplate,
    envelope: Envelope,
    operation: Callable[[], StoredConference],
    answer_classes: tuple[type[TemplateCreated], type[TemplateNotCreated]],
) -> None:
    """Run an operation on a template, and answer the request by its result.

    `answer_classes`: the class of the ACK, and that of the NACK, which is sent if `operation` raises StoredRefused.
    """
    ack_class, nack_class = answer_classes
    message: TemplateCreated | TemplateNotCreated
    try:
        template = operation()
        message = ack_class(reqid=request.reqid, templateid=template.id, e164=template.e164)
    except StoredRefused as refusal:
        message = nack_class(reqid=request.reqid, errcode=refusal.code, detail=refusal.detail)
    uow.send(Answer(request=envelope.request, message=message, route=Routes.CSS_TO_CM))


# ---- within a transaction ------------------------------------------------------------------------


def create_in(
    uow: ConferencesUnitOfWork, draft: Draft, fields: Fields, stored_id: str | None = None
) -> StoredConference:
    """Create a template or virtual room with its number, and notify the number registries. Raises StoredRefused.

    `fields`: the names that refusals give to the request's fields. `stored_id`: the requested id; `None` means any.
    Returns it.
    """
    if stored_id and uow.stored.find(stored_id):
        raise StoredRefused(CreateRefusal(Err.NAME_TAKEN, fields.id))
    tenant = uow.tenant(draft.user_domain)
    platform = tenant.platform if tenant else ""
    stored = from_draft(draft, stored_id or uow.new_id(), platform, uow.now)
    _refuse_invalid(uow, stored, fields, is_new=True)
    if draft.e164 != "":
        stored = _keep_number(uow, stored, draft.e164, fields)
    uow.stored.save(None, stored)
    _notify_registries(uow, None, stored)
    return stored


def update_in(
    uow: ConferencesUnitOfWork, before: StoredConference, changes: Changes, fields: Fields
) -> StoredConference:
    """Change a template or virtual room in the open transaction, notify the number registries, and return it.

    Raises StoredRefused. `fields`: the names that refusals give to the request's fields. The number may be given,
    changed, or taken away (`e164` is "").
    """
    after = with_changes(before, changes, uow.now)
    _refuse_invalid(uow, after, fields, is_new=False)
    if changes.numbered and not before.e164:
        after = _keep_number(uow, after, None, fields)
    elif changes.e164 is not None and changes.e164 != before.e164:
        after = (
            _keep_number(uow, after, changes.e164, fields)
            if changes.e164
            else msgspec.structs.replace(after, e164="")
        )
        if before.e164:
            uow.release_kept_number(before.e164)
    uow.stored.save(before, after)
    _notify_registries(uow, before, after)
    return after


def delete_in(uow: ConferencesUnitOfWork, stored: StoredConference, fields: Fields) -> None:
    """Delete a template or virtual room, release its number, and notify the number registries.

    Raises StoredRefused. A running conference of a template goes on. A room in which a conference is held cannot be
    deleted. `fields`: the names that refusals give to the request's fields.
    """
    if stored.kind is Kind.ROOM and uow.load(stored.e164):
        detail = f"{fields.id}: a conference is held in this room; end it first"
        raise StoredRefused(CreateRefusal(Err.WRONG_STATE, detail))
    uow.stored.delete(stored)
    if stored.e164:
        uow.release_kept_number(stored.e164)
    _notify_registries(uow, stored, None)


def _refuse_invalid(
    uow: ConferencesUnitOfWork, stored: StoredConference, fields: Fields, *, is_new: bool
) -> None:
    """Raise StoredRefused if a template or virtual room must not be saved: wrong settings, name taken, or one too many.

    Settings that could not be read again are refused as well: nobody could list, change or delete it any more.
    """
    try:
        read_own(ConferenceSettings, to_json(stored.settings))
    except InvalidValue as error:
        detail = f"{'.'.join(map(str, error.path))}: {error.words}"
        raise StoredRefused(CreateRefusal(Err.MALFORMED, detail)) from None
    tenant = uow.tenant(stored.user_domain)
    refusal = refuse_settings(stored, tenant, uow.serving) or refuse_beside_others(
        stored, uow.stored.others(stored), fields, is_new=is_new
    )
    if refusal:
        raise StoredRefused(refusal)


def _keep_number(
    uow: ConferencesUnitOfWork, stored: StoredConference, requested: str | None, fields: Fields
) -> StoredConference:
    """Reserve a conference number for a template or virtual room; return that with the number. Raises StoredRefused.

    `requested`: the number; `None` means any free one.
    """
    number = uow.keep_number(requested, stored.holder)
    if number is None:
        raise StoredRefused(CreateRefusal(Err.NUMBER_TAKEN, fields.e164))
    return msgspec.structs.replace(stored, e164=number)


def _notify_registries(
    uow: ConferencesUnitOfWork, before: StoredConference | None, after: StoredConference | None
) -> None:
    """Notify number registries (UPU) of a changed template or virtual room; `None` before or after: new or deleted."""
    for notice in registry_notices(before, after, uow.own_site):
        uow.send(notice)


# ---- for HTTP, pages and the admin ---------------------------------------------------------------


def create_stored(platform: str, draft: Draft, fields: Fields) -> StoredConference:
    """Create a template or virtual room, in a transaction of its own.

    Raises StoredRefused. `fields`: the names that refusals give to the request's fields. Returns it.
    """
    return _run_in_transaction(platform, lambda uow: create_in(uow, draft, fields))


def update_stored(
    platform: str, stored_id: str, user_domain: str, changes: Changes, fields: Fields
) -> StoredConference:
    """Change a template or virtual room of a user domain, in a transaction of its own. Raises StoredRefused.

    Returns it.
    """
    return _run_in_transaction(
        platform,
        lambda uow: update_in(
            uow, _find_of_domain(uow, stored_id, user_domain, fields), changes, fields
        ),
    )


def delete_stored(platform: str, stored_id: str, user_domain: str, fields: Fields) -> None:
    """Delete a template or virtual room of a user domain, in a transaction of its own. Raises StoredRefused."""
    _run_in_transaction(
        platform,
        lambda uow: delete_in(uow, _find_of_domain(uow, stored_id, user_domain, fields), fields),
    )


def _find_of_domain(
    uow: ConferencesUnitOfWork, stored_id: str, user_domain: str, fields: Fields
) -> StoredConference:
    """Lock and return a user domain's template or virtual room with this id.

    Raises StoredRefused if there is none, or it belongs to another domain.
    """
    stored = uow.stored.find(stored_id)
    refusal = refuse_use(stored, user_domain, fields)
    if refusal or stored is None:
        raise StoredRefused(refusal or CreateRefusal(Err.NOT_FOUND, fields.id))
    return stored


def _run_in_transaction(platform: str, operation: Callable[[ConferencesUnitOfWork], T]) -> T:
    """Run an operation in a transaction on a platform's data, and return its result.

    After a deadlock or the like it is run again. Raises StoredRefused, also if another site may write the data now.
    """

    def run_once() -> T:
        """Run the operation in one transaction. Raises StoredRefused, also if another site may write the data now."""
        with begin(platform) as uow:
            if not uow.is_open:
                raise StoredRefused(CreateRefusal(Err.SERVICE_STOPPED, ""))
            return operation(uow.part(ConferencesDatabaseUnitOfWork))

    return run_with_retries(run_once, AT_ONCE, sql.is_temporary)
