"""What accounts and applications do; their columns are in `models`."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import router, transaction
from django.utils.translation import gettext as _
from oauth2_provider.models import AbstractApplication

from domains.rules import accounts as person
from domains.rules import sign_in_names as names
from domains.rules.tree import Refusal
from foundation.cells import sql

NAMES = ("username", "email", "phone", "e164")
LOOPBACK = ("http://127.0.0.1", "http://[::1]", "http://localhost")


class AccountBase(AbstractUser):
    """An account that signs in under several names: their rows are written with it, whoever saves it."""

    class Meta:
        abstract = True

    def normalize_fields(self) -> None:
        """Names as they are kept; what is empty is none."""
        one: Any = self
        one.username = self.normalize_username(self.username or "").strip()
        one.email = (self.email or "").strip() or None
        one.phone, one.e164 = person.normalize_number(one.phone), person.normalize_number(one.e164)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write it, and the names under which it signs in. IntegrityError: one of them is taken."""
        self.normalize_fields()
        fields = kwargs.get("update_fields")
        using = kwargs.get("using") or router.db_for_write(type(self), instance=self)
        with transaction.atomic(using=using):
            super().save(*args, **kwargs)
            if fields is None or {*NAMES} & {*fields}:
                self._save_sign_in_names(using)

    def _save_sign_in_names(self, database: str) -> None:
        wanted, known = self.sign_in_names(), self._rows("account_id = %s", [self.pk], database)
        if gone := sorted(known - wanted):
            query = f"DELETE FROM domains_signinname WHERE name IN ({sql.marks(gone)})"
            sql.execute(database, query, gone)
        rows = [(name, self.pk) for name in sorted(wanted - known)]
        if rows:
            sql.insert(database, "domains_signinname", ("name", "account_id"), rows)

    def _rows(self, where: str, values: list[Any], database: str) -> set[str]:
        query = f"SELECT name FROM domains_signinname WHERE {where}"
        return {row[0] for row in sql.select(database, query, values)}

    def sign_in_names(self) -> set[str]:
        """Under which names this account signs in, or will."""
        one: Any = self
        return names.names_of(one.username, one.email, one.phone, one.e164)

    def as_facts(self) -> person.AccountFacts:
        """As the rules see it."""
        one: Any = self
        level = one.domain.level if one.domain else None
        shown = (one.moid, one.username, one.email, one.phone, one.e164, level)
        return person.AccountFacts(*shown, one.is_staff, one.is_superuser, one.is_active)

    def find_refusals(self, database: str) -> list[Refusal]:
        """What the rules of accounts have against writing it as it stands."""
        self.normalize_fields()
        wanted = sorted(self.sign_in_names())
        taken: set[str] = set()
        if wanted:
            others = f"name IN ({sql.marks(wanted)}) AND account_id <> %s"
            taken = self._rows(others, [*wanted, self.pk or 0], database)
        return person.refusals_to_save(self.as_facts(), taken)


class ApplicationBase(AbstractApplication):  # type: ignore[misc]
    """An application of third parties: codes with PKCE, or passwords where its secret is kept."""

    class Meta:
        abstract = True

    def get_allowed_schemes(self) -> list[str]:
        """`http` for programs on the person's own machine alone (RFC 8252); see `clean`."""
        return ["https", "http"]

    def redirect_uri_allowed(self, uri: str) -> bool:
        """Letter for letter one of those registered; on the own machine any port (RFC 8252)."""
        known = self.redirect_uris.split()
        if uri in known:
            return True
        ours = [_portless(one) for one in known if _host(one) in LOOPBACK[:2]]
        return _portless(uri) in ours

    def clean(self) -> None:
        """Refuse what would be unsafe, and say what to do instead."""
        super().clean()
        wrong = {}
        plain = [u for u in self.redirect_uris.split() if u.lower().startswith("http:")]
        if any(_host(uri) not in LOOPBACK for uri in plain):
            wrong["redirect_uris"] = _("Use https; http is for 127.0.0.1 and [::1] alone.")
        if self.authorization_grant_type not in (
            self.GRANT_AUTHORIZATION_CODE,
            self.GRANT_PASSWORD,
        ):
            wrong["authorization_grant_type"] = _("Choose authorization code, or password.")
        public = self.client_type != self.CLIENT_CONFIDENTIAL
        if public and self.authorization_grant_type == self.GRANT_PASSWORD:
            wrong["client_type"] = _("Only a confidential application may take passwords.")
        if wrong:
            raise ValidationError(wrong)


def _host(uri: str) -> str:
    """Scheme and host, without the port."""
    scheme, _colon, rest = uri.partition("://")
    host = rest.partition("/")[0]
    name = host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]
    return f"{scheme.lower()}://{name.lower()}"


def _portless(uri: str) -> str:
    """Without the port that a program on the own machine happens to listen on."""
    return re.sub(r"^(http://(?:127\.0\.0\.1|\[::1\])):[0-9]{1,5}(?=[/?]|$)", r"\1", uri)
