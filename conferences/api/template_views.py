"""The API calls `mc/personal_templates…` and `mc/public_templates…` (HTTP API §2)."""

from __future__ import annotations

from collections.abc import Mapping

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from conferences.api import (
    request_parsing,
    stored_commands,
    stored_serializers,
    stored_shapes,
    unsupported,
)
from conferences.api.stored_views import PAGING, StoredCall, StoredList
from conferences.rules.stored import Changes, Kind
from foundation.web.errors import ack
from foundation.web.serializers import answers


class PersonalTemplates(StoredList):
    """The API call `mc/personal_templates` lists the caller's own templates, and adds one."""

    kind = Kind.PERSONAL
    list_name = "personal_templates"

    def number(self, params: Mapping[str, object]) -> str | None:
        """Return `None`, which asks for any free number, if the argument `bind_e164` is 1; else "", for no number."""
        return None if request_parsing.switch(params.get("bind_e164"), "bind_e164") else ""

    @extend_schema(
        operation_id="personal_templates_list",
        parameters=PAGING,
        responses=answers(stored_serializers.PersonalTemplates),
    )
    def get(self, request: Request) -> Response:
        """List the caller's own templates by the time of their last change."""
        page, _ = self.page(request)
        return ack(
            total=page.total, **{self.list_name: [*map(stored_shapes.template_item, page.items)]}
        )

    @extend_schema(
        request=stored_serializers.TemplateParams, responses=answers(stored_serializers.TemplateId)
    )
    def post(self, request: Request) -> Response:
        """Add a template of the caller."""
        stored = self.add(request)
        return ack(template_id=stored.id, description=self.description(request))


class PublicTemplates(PersonalTemplates):
    """The API call `mc/public_templates` lists the public templates of a user domain, and adds one."""

    kind = Kind.PUBLIC
    list_name = "public_templates"

    def number(self, params: Mapping[str, object]) -> str | None:
        """Return `None`, which asks for any free number, because every public template has one."""
        return None

    @extend_schema(
        operation_id="public_templates_list",
        parameters=PAGING,
        responses=answers(stored_serializers.PublicTemplates),
    )
    def get(self, request: Request) -> Response:
        """List the public templates of the caller's user domain, by their creation."""
        return super().get(request)

    @extend_schema(
        request=stored_serializers.TemplateParams, responses=answers(stored_serializers.TemplateId)
    )
    def post(self, request: Request) -> Response:
        """Add a public template; only administrators of the domain may."""
        return super().post(request)


# ---- one template --------------------------------------------------------------------------------


class PersonalTemplate(StoredCall):
    """The API call `mc/personal_templates/{id}`, which shows, changes and deletes one of the caller's templates."""

    kind = Kind.PERSONAL

    @extend_schema(
        operation_id="personal_templates_show", responses=answers(stored_serializers.TemplateDetail)
    )
    def get(self, request: Request, stored_id: str) -> Response:
        """Answer all fields of a template of the caller."""
        stored = self.find(request, stored_id)
        return ack(**self.without_secrets(request, stored_shapes.template_detail(stored), stored))

    @extend_schema(
        operation_id="personal_templates_change",
        request=stored_serializers.TemplateParams,
        responses=answers(stored_serializers.TemplateId),
    )
    def post(self, request: Request, stored_id: str) -> Response:
        """Change the fields of a template that the arguments contain, and answer with its id. Raises Refusal."""
        stored, params = self.find(request, stored_id), self.params(request)
        unsupported.refuse_unsafe(params)
        used_params = {
            name: value for name, value in params.items() if not self._ignores_argument(name)
        }
        new_settings = request_parsing.given_settings(used_params, stored.settings.mts)
        changes = stored_commands.changes_to_settings(stored, new_settings)
        changes = self._with_number_change(changes, params)
        stored_commands.update_stored(stored, changes, self.account(request))
        return ack(template_id=stored.id, description=self.description(request))

    def _with_number_change(self, changes: Changes, params: Mapping[str, object]) -> Changes:
        """Return the changes; with the template's number added or taken away, if the argument `bind_e164` says so.

        Raises Refusal.
        """
        if self.kind is Kind.PUBLIC or params.get("bind_e164") in (None, ""):
            return changes
        if request_parsing.switch(params["bind_e164"], "bind_e164"):
            return changes._replace(numbered=True)
        return changes._replace(e164="")

    @extend_schema(
        operation_id="personal_templates_delete",
        request=None,
        responses={200: answers(stored_serializers.Deleted)},
    )
    def delete(self, request: Request, stored_id: str) -> Response:
        """Delete a template of the caller."""
        stored_commands.delete_stored(self.find(request, stored_id), self.account(request))
        return ack(description="")


class PublicTemplate(PersonalTemplate):
    """Define the API call `mc/public_templates/{id}`, which shows, changes and deletes a public template."""

    kind = Kind.PUBLIC

    @extend_schema(
        operation_id="public_templates_show", responses=answers(stored_serializers.TemplateDetail)
    )
    def get(self, request: Request, stored_id: str) -> Response:
        """Answer all fields of a public template."""
        return super().get(request, stored_id)

    @extend_schema(
        operation_id="public_templates_change",
        request=stored_serializers.TemplateParams,
        responses=answers(stored_serializers.TemplateId),
    )
    def post(self, request: Request, stored_id: str) -> Response:
        """Change the fields of a public template that the arguments contain; only administrators of the domain may."""
        return super().post(request, stored_id)

    @extend_schema(
        operation_id="public_templates_delete",
        request=None,
        responses={200: answers(stored_serializers.Deleted)},
    )
    def delete(self, request: Request, stored_id: str) -> Response:
        """Delete a public template; only administrators of the domain may."""
        return super().delete(request, stored_id)


class TemplatePart(StoredCall):
    """The API calls `mc/personal_templates/{id}/simple`, `/invite_members`, `/mix`, `/vmp`, `/poll` and `/vip`."""

    kind = Kind.PERSONAL

    @extend_schema(
        operation_id="personal_templates_part",
        parameters=[*PAGING[:2], OpenApiParameter("part", str, OpenApiParameter.PATH)],
        responses=answers(stored_serializers.TemplatePart),
    )
    def get(self, request: Request, stored_id: str, part: str) -> Response:
        """Answer a part of a template: its simple fields, or one of its lists and objects.

        `part`: `simple`, `invite_members`, `mix`, `vmp`, `poll` or `vip`.
        """
        stored, params = self.find(request, stored_id), self.params(request)
        if part == "simple":
            return ack(
                **self.without_secrets(request, stored_shapes.template_simple(stored), stored)
            )
        if part == "invite_members":
            members = stored_shapes.invite_members(stored)
            start = max(0, request_parsing.number(params.get("start"), "start", 0))
            count = request_parsing.number(params.get("count"), "count", 10)
            shown = members[start : start + count] if count > 0 else members[start:]
            return ack(template_id=stored.id, total=len(members), invite_members=shown)
        contents: dict[str, dict[str, object]] = {
            "mix": {"mix": stored_shapes.mix_object()},
            "vmp": {"vmp": None},
            "poll": {"poll": None},
            "vip": {"vips": []},
        }
        return ack(template_id=stored.id, total=0, **contents[part])
