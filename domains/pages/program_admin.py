"""The admin pages of API keys and of OAuth2 applications, by which client applications act for domains and people."""

from __future__ import annotations

from importlib import import_module

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget

from domains.data.api_keys import assign_key_pair
from domains.flows import change as tree
from domains.models import ApiKey, Application
from foundation.web.admin_base import BaseAdmin, badge

_SECRET_TEXT = _("Write it down now, it is not kept: {name} {key}, secret {secret}")


def _show_secret(request: HttpRequest, name: str, key: str, secret: str) -> None:
    """Show a new secret in a message, the only time that it can be seen. `name` is what the key is called."""
    messages.warning(request, str(_SECRET_TEXT).format(name=name, key=key, secret=secret))


# ---- API keys -----------------------------------------------------------------------------------


class ApiKeyForm(forms.ModelForm):  # type: ignore[type-arg]  # only the stub of this class takes a type
    """Define the form of an API key. The server generates the key pair itself."""

    class Meta:
        model = ApiKey
        fields = ["name", "domain", "enabled"]


@admin.register(ApiKey)
class ApiKeyAdmin(BaseAdmin[ApiKey]):
    """Define the page of API keys. A secret is shown once, when it is generated; only its hash is stored."""

    scope = ("domain",)
    form = ApiKeyForm
    list_display = ["name", "key", "domain", "working"]
    list_filter = ["enabled"]
    list_select_related = ["domain"]
    search_fields = ["^name", "=key"]
    autocomplete_fields = ["domain"]
    ordering = ["key"]

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[str]:
        """Return the fields of the form; the key itself is shown once it is saved."""
        return ["name", "domain", "enabled"] + (["key"] if obj else [])

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[str]:
        """Return the fields that never change: key and domain. To change them, create another API key."""
        return ["key", "domain"] if obj else []

    @admin.display(description=_("state"))
    def working(self, key: ApiKey) -> SafeString:
        """Return a badge that says whether an API key is enabled or disabled."""
        return badge(_("enabled"), "green") if key.enabled else badge(_("disabled"), "grey")

    def save_model(self, request: HttpRequest, obj: ApiKey, form: ApiKeyForm, change: bool) -> None:
        """Save an API key by `flows.change`; a new one gets its key pair, whose secret is shown this once."""
        secret = "" if change else assign_key_pair(obj)
        tree.save_key(obj)
        if secret:
            _show_secret(request, "key", obj.key, secret)

    def delete_model(self, request: HttpRequest, obj: ApiKey) -> None:
        """Delete an API key by `flows.change`, which records the change."""
        tree.delete_key(obj)


# ---- applications -------------------------------------------------------------------------------

_KINDS = (
    (Application.CLIENT_CONFIDENTIAL, _("confidential: keeps a secret on a server")),
    (Application.CLIENT_PUBLIC, _("public: runs on the person's machine")),
)
_GRANTS = (
    (Application.GRANT_AUTHORIZATION_CODE, _("authorization code: the person is asked here")),
    (Application.GRANT_PASSWORD, _("password: the program asks; for trusted ones alone")),
)


class ApplicationForm(forms.ModelForm):  # type: ignore[type-arg]  # only the stub of this class takes a type
    """Define the form of an OAuth2 application. The server generates its secret."""

    client_type = forms.ChoiceField(label=_("kind"), choices=_KINDS, widget=UnfoldAdminSelectWidget)
    authorization_grant_type = forms.ChoiceField(
        label=_("how it gets its tokens"), choices=_GRANTS, widget=UnfoldAdminSelectWidget
    )

    class Meta:
        model = Application
        fields = ["name", "domain", "client_type", "authorization_grant_type", "redirect_uris"]


import_module("oauth2_provider.admin")  # It registers a page, which ours replaces.
admin.site.unregister(Application)


@admin.register(Application)
class ApplicationAdmin(BaseAdmin[Application]):
    """Define the page of OAuth2 client applications, which people of a domain or of those below it let act for them."""

    scope = ("domain",)
    form = ApplicationForm
    list_display = ["name", "client_id", "domain", "client_type", "authorization_grant_type"]
    list_select_related = ["domain"]
    search_fields = ["^name", "=client_id"]
    autocomplete_fields = ["domain"]
    ordering = ["id"]

    def get_fields(self, request: HttpRequest, obj: Application | None = None) -> list[str]:
        """Return the fields of the form; the client id is shown once it is saved."""
        return [*ApplicationForm.Meta.fields, *(["client_id"] if obj else [])]

    def get_readonly_fields(
        self, request: HttpRequest, obj: Application | None = None
    ) -> list[str]:
        """Return the fields of a saved application that never change: client id and domain.

        The domain decides which people may use it; another domain needs another application.
        """
        return ["client_id", "domain"] if obj else []

    def save_model(
        self, request: HttpRequest, obj: Application, form: ApplicationForm, change: bool
    ) -> None:
        """Save the application. The secret of a new one is shown this once; only its hash is stored."""
        secret = "" if change else obj.client_secret
        super().save_model(request, obj, form, change)
        if secret and obj.client_type == obj.CLIENT_CONFIDENTIAL:
            _show_secret(request, "client_id", obj.client_id, secret)

    def delete_model(self, request: HttpRequest, obj: Application) -> None:
        """Delete an application by `flows.change`, which also makes void all tokens that people got by it."""
        tree.delete_application(obj)
