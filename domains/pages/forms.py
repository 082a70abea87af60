"""Forms for signing in (any of a person's names, and why it failed), for passwords and accounts."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from unfold.forms import AdminOwnPasswordChangeForm, AdminPasswordChangeForm, UserCreationForm
from unfold.forms import AuthenticationForm as UnfoldAuthenticationForm

from domains.flows import people, sign_in
from domains.models import Account


class _Explains:
    fields: Any
    request: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].widget.attrs["maxlength"] = sign_in.LONGEST_NAME

    def get_invalid_login_error(self) -> ValidationError:
        """Why not."""
        return ValidationError(sign_in.failure_reason(self.request), code="invalid_login")


class SignInForm(_Explains, AuthenticationForm):
    """For people."""


class OperatorSignInForm(_Explains, UnfoldAuthenticationForm):  # type: ignore[misc]
    """For administrators: the admin's looks."""


# ---- passwords are set by the flow ---------------------------------------------------------------


class _ByFlow:
    user: Any
    cleaned_data: dict[str, Any]
    _FIELD = "password1"

    def save(self, commit: bool = True) -> Account:
        """Set it; sessions and tokens of the account end."""
        usable = self.cleaned_data.get("set_usable_password", True)
        people.set_password(self.user.moid, self.cleaned_data[self._FIELD] if usable else None)
        self.user.refresh_from_db()
        account: Account = self.user
        return account


class PasswordForm(_ByFlow, AdminPasswordChangeForm):  # type: ignore[misc]
    """Somebody else's."""


class OwnPasswordForm(_ByFlow, AdminOwnPasswordChangeForm):  # type: ignore[misc]
    """The own one."""

    _FIELD = "new_password1"


# ---- accounts -----------------------------------------------------------------------------------


class NewAccountForm(UserCreationForm):  # type: ignore[misc]
    """An account with its first password."""

    class Meta:
        model = Account
        fields = ("username",)

    def save(self, commit: bool = True) -> Account:
        """As it will be written by the flow."""
        account: Account = super().save(commit=False)
        return account

    def save_m2m(self) -> None:
        """There is nothing of the kind."""
