"""Messages about public templates (CSS §6), and about conferences that are begun from a template or a virtual room."""

from __future__ import annotations

from typing import Annotated

from msgspec import field

from foundation.bus.message import Message, message
from foundation.bus.typed_json import text
from wire.conference_manager import ConferenceCreated, CreateRefused
from wire.fields import Moid, NewName, ReqId, Text
from wire.optional_settings import OptionalSettings

TemplateId = Annotated[str, text(40, 1)]


@message("CM_MAU_CREATECONFBYTEMP_REQ", nack="MAU_CM_CREATECONFBYTEMP_NACK")
class CreateByTemplate(OptionalSettings):
    """A conference manager (CM) asks for the conference of a template or virtual room, which may run already.

    All fields but `name` and `duration` are our additions. A given field replaces that of the template.
    """

    templateid: TemplateId


@message("MAU_CM_CREATECONFBYTEMP_ACK")
class CreatedByTemplate(ConferenceCreated):
    """The scheduler (CSS) answers that the conference of the template or virtual room runs."""


@message("MAU_CM_CREATECONFBYTEMP_NACK")
class CreateByTemplateRefused(CreateRefused):
    """The scheduler (CSS) answers that the template or virtual room has no conference; `errcode` says why."""


@message("CM_MAU_CREATETEMPLATE_REQ", nack="MAU_CM_CREATETEMPLATE_NACK")
class CreateTemplate(OptionalSettings):
    """A conference manager (CM) adds a public template. Without `templateid` the scheduler chooses an id."""

    templateid: TemplateId | None = None
    template_name: NewName = field(name="templatename")


@message("CM_MAU_MDFTEMPLATE_REQ", nack="MAU_CM_MDFTEMPLATE_NACK")
class ChangeTemplate(OptionalSettings):
    """A conference manager (CM) changes a public template; fields that are left out stay."""

    templateid: TemplateId
    template_name: NewName | None = field(name="templatename", default=None)


@message("CM_MAU_DELTEMPLATE_REQ", nack="MAU_CM_DELTEMPLATE_NACK")
class DeleteTemplate(Message):
    """A conference manager (CM) deletes a public template; a running conference of it goes on."""

    reqid: ReqId | None = None
    user_domain: Moid = field(name="moid")
    templateid: TemplateId


@message("MAU_CM_CREATETEMPLATE_ACK")
class TemplateCreated(Message):
    """The scheduler (CSS) answers that the public template is added, with its id and number."""

    reqid: Text | None = None
    templateid: Text
    e164: Text = field(name="confE164")


@message("MAU_CM_MDFTEMPLATE_ACK")
class TemplateChanged(TemplateCreated):
    """The scheduler (CSS) answers that the public template is changed."""


@message("MAU_CM_DELTEMPLATE_ACK")
class TemplateDeleted(TemplateCreated):
    """The scheduler (CSS) answers that the public template is deleted, and its number free."""


@message("MAU_CM_CREATETEMPLATE_NACK")
class TemplateNotCreated(Message):
    """The scheduler (CSS) refuses to add a public template; `errcode` says why."""

    reqid: Text | None = None
    errcode: Text
    detail: Text | None = None


@message("MAU_CM_MDFTEMPLATE_NACK")
class TemplateNotChanged(TemplateNotCreated):
    """The scheduler (CSS) refuses to change a public template, which stays as it was."""


@message("MAU_CM_DELTEMPLATE_NACK")
class TemplateNotDeleted(TemplateNotCreated):
    """The scheduler (CSS) refuses to delete a public template."""
