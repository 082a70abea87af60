"""Messages about public templates are turned into drafts of templates and changes of them. Pure."""

from __future__ import annotations

from conferences.rules.stored import Changes, Draft, Kind, StoredConference
from conferences.rules.stored_settings import merge_settings
from wire.conference_manager import Creator
from wire.conference_settings import ConferenceSettings
from wire.templates import ChangeTemplate, CreateTemplate


def draft_of(request: CreateTemplate) -> Draft:
    """Return the draft of the public template that a request describes.

    If the request names no conference (`name`), conferences of the template have the template's name.
    """
    creator = request.creator or Creator()
    return Draft(
        kind=Kind.PUBLIC,
        name=request.template_name,
        user_domain=request.user_domain,
        settings=merge_settings(ConferenceSettings(name=request.template_name), request),
        owner=creator.moid or "",
        owner_name=creator.name or "",
        e164=request.e164,
    )


def changes_of(template: StoredConference, request: ChangeTemplate) -> Changes:
    """Return the changes that a request asks for in a public template."""
    settings = merge_settings(template.settings, request)
    return Changes(name=request.template_name, settings=settings, e164=request.e164)
