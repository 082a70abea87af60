"""Licences of the tests: sealed with the key of their stand, as a core would issue them."""

from __future__ import annotations

import os
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from deploy.stand.site import Site
from licensing.rules.amounts import RESOURCES, Amounts, ports_enough_for
from licensing.rules.licence_text import Licence, read_key, seal

BEGIN = datetime(2020, 1, 1, tzinfo=UTC)


def sealed(licence: Licence, signing: str, sealing: str) -> str:
    """Return the text of a licence; the keys are lines of text."""
    return seal(licence, read_key(signing, "signing key"), read_key(sealing, "sealing key"))


def licence(platform: str, issue: int, small: int = 0, large: int = 0, **more: Any) -> Licence:
    """Return a licence with these limits, from 2020 on, with ports that fill its conferences unless told otherwise."""
    dates = {name: more.pop(name) for name in ("valid_from", "valid_to") if name in more}
    enough = dict.fromkeys(RESOURCES, ports_enough_for(small, large))
    amounts = Amounts(small_conferences=small, large_conferences=large, **{**enough, **more})
    return Licence(
        **{"valid_from": BEGIN, **dates}, platform=platform, issue=issue, amounts=amounts
    )


def text_of(licence: Licence) -> str:
    """Return the text of a licence, sealed with the keys of the test servers."""
    return sealed(licence, os.environ["LICENSE_SIGNING_KEY"], os.environ["LICENSE_SEALING_KEY"])


def row_of(licence: Licence, text: str) -> dict[str, Any]:
    """Return the columns of a licence that was loaded, however odd it is."""
    same = {
        name: getattr(licence, name) for name in ("platform", "issue", "valid_from", "valid_to")
    }
    return {
        **same,
        "sealed": text,
        "evaluation": False,
        "revoked_at": None,
        **asdict(licence.amounts),
    }


def next_issue(platform: str, *sites: Site) -> int:
    """Return the number after those of the platform's licences that have been loaded at these sites."""
    query = f"SELECT COALESCE(MAX(issue), 0) FROM licensing_licence WHERE platform='{platform}'"
    return 1 + max(int(site.mariadb.sql(query, schema=site.name)) for site in sites)


def put_into(site: Site, small: int, large: int, valid_to: datetime | None = None) -> None:
    """Load the next issue into a stand's database, past all checks of the import."""
    moid = site.vault.platform_moid
    issued = licence(moid, next_issue(moid, site), small, large, valid_to=valid_to)
    issuer = site.core.vault if site.core else site.vault
    text = sealed(issued, issuer.license_signing, issuer.license_sealing)
    row = row_of(issued, text)
    columns = ", ".join(f"`{name}`" for name in row)
    values = ", ".join(map(_literal, row.values()))
    site.mariadb.sql(
        f"INSERT INTO licensing_licence ({columns}) VALUES ({values})", schema=site.name
    )


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, datetime):
        return f"'{value:%Y-%m-%d %H:%M:%S}'"
    return f"'{value}'" if isinstance(value, str) else str(int(value))
