"""The base classes of accounts and applications hold their behaviour. Their columns are in `domains.models`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, cast

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import router, transaction
from django.utils.translation import gettext as _
from oauth2_provider.models import AbstractApplication

from domains.rules import accounts as account_rules
from domains.rules import sign_in_names
from domains.rules.refusal_texts import translated
from domains.rules.tree import Refusal, refusals_to_name
from foundation.cells import sql

NAMES = ("username", "email", "phone", "e164")
LOOPBACK_HOSTS = ("http://127.0.0.1", "http://[::1]", "http://localhost")


class AccountBase(AbstractUser):
    """The base of accounts. An account signs in under several names, whose rows are written whenever it is saved."""

    class Meta:
        abstract = True

    def normalize_fields(self) -> None:
        """Normalize user name, e-mail and numbers to the form in which they are stored. Empty ones become `None`."""
        account: Any = self
        account.username = self.normalize_username(self.username or "").strip()
        account.email = (self.email or "").strip() or None
        account.phone, account.e164 = (
            account_rules.normalize_number(account.phone),
            account_rules.normalize_number(account.e164),
        )

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the account and its sign-in names. Raises IntegrityError if another account has one of them."""
        self.normalize_fields()
        fields = kwargs.get("update_fields")
        using = kwargs.get("using") or router.db_for_write(type(self), instance=self)
        with transaction.atomic(using=using):
            super().save(*args, **kwargs)
            if fields is None or {*NAMES} & {*fields}:
                self._save_sign_in_names(using)

    def _save_sign_in_names(self, database: str) -> None:
        """Insert and delete rows of sign-in names, so that they agree with the account's fields."""
        names = self.sign_in_names()
        stored = self._select_names("account_id = %s", [self.pk], database)
        if removed := sorted(stored - names):
            query = f"DELETE FROM domains_signinname WHERE name IN ({sql.marks(removed)})"
            sql.execute(database, query, removed)
        rows = [(name, self.pk) for name in sorted(names - stored)]
        if rows:
            sql.insert(database, "domains_signinname", ("name", "account_id"), rows)

    def _select_names(self, condition: str, values: Sequence[object], database: str) -> set[str]:
        """Return the stored sign-in names, of any account, that meet an SQL condition with these values."""
        query = f"SELECT name FROM domains_signinname WHERE {condition}"
        return {row[0] for row in sql.select(database, query, values)}

    def sign_in_names(self) -> set[str]:
        """Return the names under which this account signs in, or will once it is saved."""
        account: Any = self
        return sign_in_names.names_of(account.username, account.email, account.phone, account.e164)

    def as_facts(self) -> account_rules.AccountFacts:
        """Return the values of this account that the rules in `rules.accounts` look at."""
        account: Any = self
        level = account.domain.level if account.domain else None
        names = (account.moid, account.username, account.email, account.phone, account.e164)
        flags = (account.is_staff, account.is_superuser, account.is_active)
        return account_rules.AccountFacts(*names, level, *flags)

    def find_name_refusals(self, saved: AccountBase | None) -> list[Refusal]:
        """Return refusals of the names that are no plain texts, where they differ from `saved` (`None`: it is new)."""
        account, before = cast(Any, self), cast(Any, saved)
        fields = ("username", "first_name", "last_name")
        values = {field: str(getattr(account, field) or "") for field in fields}
        return [
            refusal
            for field, value in values.items()
            if value and not (before and getattr(before, field) == value)
            for refusal in refusals_to_name(field, value)
        ]

    def find_refusals(self, database: str) -> list[Refusal]:
        """Return why the rules refuse to save the account as it is. An empty list means that it can be saved."""
        self.normalize_fields()
        names = sorted(self.sign_in_names())
        taken_names: set[str] = set()
        if names:
            condition = f"name IN ({sql.marks(names)}) AND account_id <> %s"
            taken_names = self._select_names(condition, [*names, self.pk or 0], database)
        return account_rules.refusals_to_save(self.as_facts(), taken_names)


class ApplicationBase(AbstractApplication):  # type: ignore[misc]  # the base class has no types
    """An application is client software of a third party that uses OAuth2 on behalf of a person.

    It gets tokens by authorization code with PKCE, or, if it can keep a secret, by the person's password.
    """

    class Meta:
        abstract = True

    def get_allowed_schemes(self) -> list[str]:
        """Return the URL schemes of redirects. `clean` allows `http` only to the person's own machine (RFC 8252)."""
        return ["https", "http"]

    def redirect_uri_allowed(self, uri: str) -> bool:
        """Return whether an address is registered for redirects, letter for letter.

        For client applications on the person's own machine any port is allowed (RFC 8252).
        """
        registered = self.redirect_uris.split()
        if uri in registered:
            return True
        loopback = [
            _without_port(address)
            for address in registered
            if _scheme_and_host(address) in LOOPBACK_HOSTS[:2]
        ]
        return _without_port(uri) in loopback

    def clean(self) -> None:
        """Raise ValidationError if a setting is unsafe; the text says what to do instead."""
        super().clean()
        errors = {
            refusal.field: translated(refusal) for refusal in refusals_to_name("name", self.name)
        }
        uris = self.redirect_uris.split()
        unencrypted = [uri for uri in uris if uri.lower().startswith("http:")]
        if any(_scheme_and_host(uri) not in LOOPBACK_HOSTS for uri in unencrypted):
            errors["redirect_uris"] = _("Use https; http is for 127.0.0.1 and [::1] alone.")
        if self.authorization_grant_type not in (
            self.GRANT_AUTHORIZATION_CODE,
            self.GRANT_PASSWORD,
        ):
            errors["authorization_grant_type"] = _("Choose authorization code, or password.")
        is_public = self.client_type != self.CLIENT_CONFIDENTIAL
        if is_public and self.authorization_grant_type == self.GRANT_PASSWORD:
            errors["client_type"] = _("Only a confidential application may take passwords.")
        if errors:
            raise ValidationError(errors)


def _scheme_and_host(uri: str) -> str:
    """Return scheme and host of an address, without the port."""
    scheme, _separator, location = uri.partition("://")
    host = location.partition("/")[0]
    name = host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]
    return f"{scheme.lower()}://{name.lower()}"


def _without_port(uri: str) -> str:
    """Return an http address without its port if it leads to the person's own machine, else unchanged."""
    return re.sub(r"^(http://(?:127\.0\.0\.1|\[::1\])):[0-9]{1,5}(?=[/?]|$)", r"\1", uri)
