"""The flow saves changes of accounts, each in one transaction.

save_account / set_password / delete
  -> lock the account's row and read its old state
  -> check accounts.refusals_to_save, refusals_to_change, refusals_to_delete; RuleBroken: nothing is written
  -> save the account and its sign-in names
  -> end sessions and tokens, after a new password or when the account was disabled
  -> change_log.record_change, for the platforms that receive copies of the domain tree
"""

from __future__ import annotations

from collections.abc import Collection

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, OperationalError, transaction
from django_otp import devices_for_user

from domains.data import change_log, hooks, queries, tokens
from domains.flows.change import find_field_errors, raise_if_refused
from domains.models import Account
from domains.rules import accounts
from domains.rules.tree import Refusal, RuleBroken

TAKEN = "Somebody else was quicker and has one of these names now: choose another one."
DEADLOCK = 1213
"""MariaDB's error number: two transactions locked the same names in different orders, and this one was rolled back."""

AT_CORE = "This account is kept at the core: change it there, and it follows here."
GONE = "There is no account %(moid)s any more: look for it in the list."


def save_account(
    account: Account,
    database: str = "default",
    *,
    changed: Collection[str] | None = None,
    changed_by: str | None = None,
) -> Account:
    """Save an account, new or changed, and return it. Raises RuleBroken.

    `changed` names the fields that differ from the saved ones; `None` means that any may differ. `changed_by` is the
    MOID of the account of the person who changes it; `None` means that a client application does.
    """
    try:
        with transaction.atomic(using=database):
            before = _lock_account(account.moid, database)
            _refuse_if_kept_at_core(account.moid, database)
            raise_if_refused(account.find_name_refusals(before))
            raise_if_refused(account.find_refusals(database))
            raise_if_refused(find_field_errors(account, changed))
            if before is not None:
                other_operators = _count_other_operators(before, database)
                refusals = accounts.refusals_to_change(
                    before.as_facts(), account.as_facts(), changed_by, other_operators
                )
                raise_if_refused(refusals)
            account.save(using=database, update_fields=_columns_to_save(before, changed))
            _revoke_and_record(before, account, database)
    except IntegrityError:
        raise RuleBroken([Refusal("username", TAKEN)]) from None
    # Two processes that save the same new name may wait for each other: the database then ends one by a deadlock.
    except OperationalError as error:
        if error.args[0] != DEADLOCK:
            raise
        raise RuleBroken([Refusal("username", TAKEN)]) from None
    return account


def create(
    password: str | None = None,
    database: str = "default",
    changed_by: str | None = None,
    **fields: object,
) -> Account:
    """Create and return an account with these fields. Raises RuleBroken.

    Without a password nobody can sign in with it yet. `changed_by` is the MOID of the account of the person who
    creates it, `None` for a client application.
    """
    account = Account(**fields)
    _set_valid_password(account, password)
    return save_account(account, database, changed_by=changed_by)


def set_password(moid: str, password: str | None, database: str = "default") -> None:
    """Set or remove the password of an account, and end all its sessions. Raises RuleBroken."""
    with transaction.atomic(using=database):
        account = _lock_existing(moid, database)
        _set_valid_password(account, password)
        save_account(account, database, changed=["password"])


def enable(moid: str, database: str = "default", changed_by: str | None = None) -> None:
    """Enable an account, so that its person can sign in again. `changed_by`: the MOID of who does it."""
    _set_enabled(moid, database, changed_by, enabled=True)


def disable(moid: str, database: str = "default", changed_by: str | None = None) -> None:
    """Disable an account: its person is signed out. `changed_by`: the MOID of who does it. Raises RuleBroken."""
    _set_enabled(moid, database, changed_by, enabled=False)


def delete(moid: str, database: str = "default", changed_by: str | None = None) -> None:
    """Delete an account, and revoke its tokens. `changed_by`: the MOID of who does it. Raises RuleBroken."""
    with transaction.atomic(using=database):
        account = _lock_existing(moid, database)
        _refuse_if_kept_at_core(moid, database)
        other_operators = _count_other_operators(account, database)
        raise_if_refused(
            accounts.refusals_to_delete(account.as_facts(), changed_by, other_operators)
        )
        change_log.record_change(database, "account", moid, "del")
        hooks.REVOKE_CREDENTIALS.call(database, [moid])
        account.delete(using=database)


def reset_second_factor(moid: str, database: str = "default") -> bool:
    """Delete the second factor of an account, and return whether there was one. Raises RuleBroken.

    The person sets up a new one at the next sign-in.
    """
    with transaction.atomic(using=database):
        account = _lock_existing(moid, database)
        _refuse_if_kept_at_core(moid, database)
        devices = list(devices_for_user(account, confirmed=None))
        for device in devices:
            device.delete(using=database)
        change_log.record_change(database, "account", moid, "mod")
    return bool(devices)


def _set_enabled(moid: str, database: str, changed_by: str | None, *, enabled: bool) -> None:
    """Enable or disable an account (MOID). `changed_by`: the MOID of who does it. Raises RuleBroken."""
    with transaction.atomic(using=database):
        account = _lock_existing(moid, database)
        account.is_active = enabled
        save_account(account, database, changed=["is_active"], changed_by=changed_by)


def _set_valid_password(account: Account, password: str | None) -> None:
    """Set a password, or remove it (`None`), without saving the account. Raises RuleBroken if it is too weak."""
    if password is not None:
        try:
            validate_password(password, account)
        except ValidationError as error:
            # In a refusal's text "%" begins a placeholder, so one that stands for itself is doubled.
            texts = [text.replace("%", "%%") for text in error.messages]
            raise RuleBroken([Refusal("password", text) for text in texts]) from None
    account.set_password(password)


def _revoke_and_record(before: Account | None, account: Account, database: str) -> None:
    """Revoke the tokens of an account with a new password or just disabled, and record the change of the account.

    `before` is the account's state before the change, `None` for a new account.
    """
    must_revoke = before is not None and (
        account.password != before.password or (before.is_active and not account.is_active)
    )
    if must_revoke:
        tokens.revoke_all(account, database)
        hooks.REVOKE_CREDENTIALS.call(database, [account.moid])
    domain_before = before.domain_id if before is not None else None
    change_log.record_change(
        database, "account", account.moid, "mod" if before else "add", former_parent=domain_before
    )


def _columns_to_save(before: Account | None, changed: Collection[str] | None) -> list[str] | None:
    """Return the columns to save, so that others keep values that were changed meanwhile. `None` means all."""
    if before is None or changed is None:
        return None
    fields = Account._meta.concrete_fields
    return [field.name for field in fields if {field.name, field.attname} & {*changed}]


def _refuse_if_kept_at_core(moid: str, database: str) -> None:
    """Raise RuleBroken for an account that the core sent to this site's copy: it is changed at the core alone.

    The core is the deployment that owns the domain tree.
    """
    if queries.is_kept_at_core(database, moid):
        raise RuleBroken([Refusal("", AT_CORE)])


def _lock_account(moid: str, database: str) -> Account | None:
    """Lock the row of an account (MOID) and return the account; `None` if there is none."""
    return Account.objects.using(database).select_for_update().filter(moid=moid).first()


def _lock_existing(moid: str, database: str) -> Account:
    """Lock the row of an account (MOID) and return the account. Raises RuleBroken if there is none."""
    if (account := _lock_account(moid, database)) is None:
        raise RuleBroken([Refusal("moid", GONE, {"moid": moid})])
    return account


def _count_other_operators(account: Account, database: str) -> int:
    """Return how many enabled operators (superusers) there are besides this account; 0 if it is no operator.

    Their rows are locked, so that the last two operators cannot be disabled at the same time.
    """
    if not account.is_superuser:
        return 0
    operators = Account.objects.using(database).filter(is_superuser=True, is_active=True)
    return len(operators.exclude(pk=account.pk).select_for_update().values_list("pk", flat=True))
