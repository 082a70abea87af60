"""Forms for signing in, for passwords, and for new accounts."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
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


class OperatorSignInForm(_ExplainsFailure, UnfoldAuthenticationForm):  # type: ignore[misc]
    """The sign-in form of administrators, with the looks of the admin."""


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


class PasswordForm(_SavesByFlow, AdminPasswordChangeForm):  # type: ignore[misc]
    """The form that sets another person's password."""


class OwnPasswordForm(_SavesByFlow, AdminOwnPasswordChangeForm):  # type: ignore[misc]
    """The form that changes the own password."""

    _FIELD = "new_password1"


# ---- accounts -----------------------------------------------------------------------------------


class NewAccountForm(UserCreationForm):  # type: ignore[misc]
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
