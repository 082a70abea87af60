"""Forms for signing in, for passwords, for new accounts, and for platform domains."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from unfold.forms import AdminOwnPasswordChangeForm, AdminPasswordChangeForm, UserCreationForm
from unfold.forms import AuthenticationForm as UnfoldAuthenticationForm

from domains.flows import people, sign_in
from domains.models import Account


class _ExplainsFailure:
    fields: Any
    request: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].widget.attrs["maxlength"] = sign_in.LONGEST_NAME

    def get_invalid_login_error(self) -> ValidationError:
        """Return why the sign-in failed."""
        return ValidationError(sign_in.failure_reason(self.request), code="invalid_login")


class SignInForm(_ExplainsFailure, AuthenticationForm):
    """The sign-in form of people."""


class OperatorSignInForm(_ExplainsFailure, UnfoldAuthenticationForm):  # type: ignore[misc]  # the base class has no types
    """The sign-in form of administrators, with the looks of the admin."""

    def confirm_login_allowed(self, user: AbstractBaseUser) -> None:
        """Refuse people who are no administrators, in words that do not blame the password."""
        if not (isinstance(user, Account) and user.is_staff):
            words = gettext(
                "Name and password are right, but you are no administrator."
                " Your conferences are on the first page of this site."
            )
            raise ValidationError(words, code="no_administrator")


# ---- passwords are set by the flow ---------------------------------------------------------------


class _SavesByFlow:
    user: Any
    cleaned_data: dict[str, Any]
    _FIELD = "password1"

    def save(self, commit: bool = True) -> Account:
        """Set the password by the flow, which ends sessions and tokens of the account."""
        usable = self.cleaned_data.get("set_usable_password", True)
        people.set_password(self.user.moid, self.cleaned_data[self._FIELD] if usable else None)
        self.user.refresh_from_db()
        account: Account = self.user
        return account


class PasswordForm(_SavesByFlow, AdminPasswordChangeForm):  # type: ignore[misc]  # the base class has no types
    """The form that sets another person's password."""


class OwnPasswordForm(_SavesByFlow, AdminOwnPasswordChangeForm):  # type: ignore[misc]  # the base class has no types
    """The form that changes the own password."""

    _FIELD = "new_password1"


# ---- accounts -----------------------------------------------------------------------------------


class NewAccountForm(UserCreationForm):  # type: ignore[misc]  # the base class has no types
    """The form of an account with its first password."""

    class Meta:
        model = Account
        fields = ("username",)

    def save(self, commit: bool = True) -> Account:
        """Return the account unsaved. The flow saves it."""
        account: Account = super().save(commit=False)
        return account

    def save_m2m(self) -> None:
        """Do nothing: accounts have no many-to-many fields in this form."""


# ---- platform domains ---------------------------------------------------------------------------


class PlatformForm(forms.ModelForm):  # type: ignore[type-arg]  # only the stub of this class takes a type
    """The form of a platform domain. Its addresses hold no passwords, which the site's environment has."""

    def clean(self) -> dict[str, Any]:
        """Refuse addresses with a password, so that no secret is kept in the database."""
        cleaned: dict[str, Any] = super().clean() or {}
        for name in ("http_url", "broker_url", "redis_url", "database_url"):
            if "@" in urlsplit(cleaned.get(name) or "").netloc:
                text = gettext("Leave out name and password: they stand in the site's environment.")
                self.add_error(name, ValidationError(text))
        return cleaned
