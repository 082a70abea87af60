"""The messages about public templates are read into what is to be kept. Pure."""

from __future__ import annotations

from conferences.rules.stored import Changes, Draft, Kind, StoredConference
from conferences.rules.stored_settings import changed
from wire.conference_manager import Creator
from wire.conference_settings import ConferenceSettings
from wire.templates import ChangeTemplate, CreateTemplate


def draft_of(request: CreateTemplate) -> Draft:
    """Return the public template that a request asks for. Without a name its conferences have the template's."""
    creator = request.creator or Creator()
    return Draft(
        kind=Kind.PUBLIC,
        name=request.template_name,
        user_domain=request.user_domain,
        settings=changed(ConferenceSettings(name=request.template_name), request),
        owner=creator.moid or "",
        owner_name=creator.name or "",
        e164=request.e164,
    )


def changes_of(template: StoredConference, request: ChangeTemplate) -> Changes:
    """Return what a request changes of a public template."""
    settings = changed(template.settings, request)
    return Changes(name=request.template_name, settings=settings, e164=request.e164)
