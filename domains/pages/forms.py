"""Define forms for signing in, for passwords, for new accounts, and for platform domains."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext
from unfold.forms import AdminOwnPasswordChangeForm, AdminPasswordChangeForm, UserCreationForm
from unfold.forms import AuthenticationForm as UnfoldAuthenticationForm

from domains.data import homes
from domains.flows import people, sign_in
from domains.models import Account
from domains.rules.addresses import is_address


class _FailureReasonMixin:
    """A mixin for sign-in forms, which shows why a sign-in failed."""

    fields: dict[str, forms.Field]
    request: HttpRequest | None

    def __init__(self, *args: object, **kwargs: object) -> None:
        """Create the form as Django does; the field of the name takes all kinds of sign-in names, so longer ones."""
        super().__init__(*args, **kwargs)
        self.fields["username"].widget.attrs["maxlength"] = sign_in.LONGEST_NAME

    def get_invalid_login_error(self) -> ValidationError:
        """Return the error that says why the sign-in failed."""
        return ValidationError(sign_in.failure_reason(self.request), code="invalid_login")


class SignInForm(_FailureReasonMixin, AuthenticationForm):
    """The sign-in form of people."""


class OperatorSignInForm(_FailureReasonMixin, UnfoldAuthenticationForm):  # type: ignore[misc]  # the base class has no types
    """The sign-in form of administrators, in the style of the admin."""

    def confirm_login_allowed(self, user: AbstractBaseUser) -> None:
        """Refuse people who are no administrators, in words that do not blame the password."""
        if not (isinstance(user, Account) and user.is_staff):
            words = gettext(
                "Name and password are right, but you are no administrator."
                " Your conferences are on the first page of this site."
            )
            raise ValidationError(words, code="no_administrator")
        if not homes.is_of_own_platform(user):
            words = gettext(
                "Name and password are right, but this site serves your platform in its place:"
                " administer your domain at the core."
            )
            raise ValidationError(words, code="other_platform")


# ---- passwords are set by the flow ---------------------------------------------------------------


class _PasswordFlowMixin:
    """A mixin for password forms, which saves the password by the flow `people`."""

    user: Account
    cleaned_data: dict[str, Any]
    _FIELD = "password1"

    def save(self, commit: bool = True) -> Account:
        """Set or remove the account's password, which ends its sessions and tokens, and return the account.

        It is removed if the form's field `set_usable_password` is off.
        """
        is_usable = self.cleaned_data.get("set_usable_password", True)
        people.set_password(self.user.moid, self.cleaned_data[self._FIELD] if is_usable else None)
        self.user.refresh_from_db()
        return self.user


class PasswordForm(_PasswordFlowMixin, AdminPasswordChangeForm):  # type: ignore[misc]  # the base class has no types
    """Define the form with which an administrator sets another person's password."""


class OwnPasswordForm(_PasswordFlowMixin, AdminOwnPasswordChangeForm):  # type: ignore[misc]  # the base class has no types
    """Define the form with which people change their own password."""

    _FIELD = "new_password1"


# ---- accounts -----------------------------------------------------------------------------------


class NewAccountForm(UserCreationForm):  # type: ignore[misc]  # the base class has no types
    """Define the form of a new account, with its first password."""

    class Meta:
        model = Account
        fields = ("username",)

    def save(self, commit: bool = True) -> Account:
        """Return the account without saving it: the admin page saves it by the flow `people`."""
        account: Account = super().save(commit=False)
        return account

    def save_m2m(self) -> None:
        """Do nothing: accounts have no many-to-many fields in this form."""


# ---- platform domains ---------------------------------------------------------------------------


class PlatformForm(forms.ModelForm):  # type: ignore[type-arg]  # only the stub of this class takes a type
    """Define the form of a platform domain. Its addresses have no passwords: these are in the site's environment."""

    def clean(self) -> dict[str, Any]:
        """Return the form's values; refuse those that are not addresses, and addresses with a password.

        Passwords must not get into the database.
        """
        cleaned: dict[str, Any] = super().clean() or {}
        for name in ("http_url", "broker_url", "redis_url", "database_url"):
            address = cleaned.get(name) or ""
            if address and not is_address(address):
                self.add_error(
                    name, ValidationError(gettext("This is not the address of a server."))
                )
            elif "@" in urlsplit(address).netloc:
                text = gettext("Leave out name and password: they stand in the site's environment.")
                self.add_error(name, ValidationError(text))
        return cleaned
