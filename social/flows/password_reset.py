"""A person who has forgotten the password gets a link by e-mail, and chooses a new password with it.

A link works once, within an hour, and only for the account for which it was made. The page that sends
links does not tell whether there is such an account.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from django.conf import settings
from django.core.cache import cache
from django.core.signing import BadSignature, TimestampSigner
from django.db import transaction

from domains.data.queries import is_kept_at_core
from domains.flows import people as accounts
from domains.models import Account, SignInName
from domains.rules.sign_in_names import normalize
from foundation.cells.directory import PlatformStore, store_of
from foundation.cells.serving import served_platforms
from foundation.signing import shared_key
from im.data import journal
from im.data.people import person_of_account
from social.data import outgoing_texts

log = logging.getLogger("social.password")
LIFE = timedelta(hours=1)
MAILS_AN_HOUR = 3
"""An account gets at most this many links an hour."""


def _signer() -> TimestampSigner:
    """Return the signer of the tokens in links for a new password; all sites share its key."""
    return TimestampSigner(key=shared_key(), salt="password")


def send_reset_link(name: str, language: str) -> None:
    """Send a link, with which a new password is chosen, by e-mail to the account with this sign-in name.

    Do nothing if there is no such account, or if it has no e-mail address. Raises ReadOnly while another site serves
    the platform.
    """
    for platform in served_platforms():
        store = store_of(platform)
        names = SignInName.objects.using(store.database).select_related("account")
        row = names.filter(name=normalize(name)[:254]).first()
        if row is None:
            continue
        account = row.account
        if account.email and account.is_active and _count_link(store, account):
            token = _signer().sign(f"{platform}:{account.moid}:{_password_fingerprint(account)}")
            link = f"{settings.PUBLIC_URL}/people/password/{token}/"
            recipient, name = account.email, person_of_account(account).name
            with transaction.atomic(using=store.database):
                journal.require_serving(store)
                outgoing_texts.stage_password_link(store, recipient, name, link, language)
        return


def _count_link(store: PlatformStore, account: Account) -> bool:
    """Count a link that an account is to get, and return whether it may be sent.

    It may not if the account's password is stored at the core, or if the account got too many links in this hour.
    """
    if is_kept_at_core(store.database, account.moid):
        return False
    key = f"social:password:{account.moid}"
    cache.add(key, 0, int(LIFE.total_seconds()))
    return int(cache.incr(key)) <= MAILS_AN_HOUR


def _password_fingerprint(account: Account) -> str:
    """Return 16 characters that change with the password, so that a link for a new password works once."""
    return _signer().signature(account.password)[:16]


def account_of_link(token: str) -> tuple[PlatformStore, Account] | None:
    """Return the database of its platform, and the account, for which a link was made; `None` if the link is invalid.

    `token`: the last part of the link. It is invalid after an hour, after its use, and if it is forged.
    """
    try:
        platform, moid, fingerprint = _signer().unsign(token, max_age=LIFE).split(":")
    except (BadSignature, ValueError):
        return None
    if platform not in served_platforms():
        return None
    store = store_of(platform)
    account = Account.objects.using(store.database).filter(moid=moid, is_active=True).first()
    if account is None or _password_fingerprint(account) != fingerprint:
        return None
    return store, account


def set_new_password(store: PlatformStore, account: Account, password: str) -> None:
    """Set a new password of an account; all its sessions and tokens end. Raises domains' RuleBroken."""
    accounts.set_password(account.moid, password, store.database)
    log.info("the password of %s was set by a link", account.moid)
