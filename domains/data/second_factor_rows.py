"""The second factors (TOTP devices) of accounts are written here as the core sent them.

The core is the deployment where the tree of domains is edited.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from domains.data.serializers import WireObject
from foundation import clock
from foundation.bus.outbox import to_db_datetime
from foundation.cells import sql

_DEVICE_COLUMNS = ("key", "name", "step", "t0", "digits", "tolerance")


def write(database: str, received: Mapping[int, Sequence[WireObject]]) -> None:
    """Replace the second factors (TOTP devices) of accounts. `received`: primary key of an account -> devices.

    A device that is stored already stays as it is, because its counter says which codes were used.
    """
    if not received:
        return
    query = "SELECT id, user_id, `key` FROM otp_totp_totpdevice WHERE user_id IN ({}) AND confirmed"
    stored = sql.select(database, query.format(sql.marks([*received])), [*received])
    keys = {user: {device["key"] for device in devices} for user, devices in received.items()}
    removed = [row_id for row_id, user, key in stored if key not in keys[user]]
    if removed:
        query = f"DELETE FROM otp_totp_totpdevice WHERE id IN ({sql.marks(removed)})"
        sql.execute(database, query, removed)
    stored_keys = {(user, key) for _, user, key in stored}
    unused = {"confirmed": 1, "drift": 0, "last_t": -1, "throttling_failure_count": 0}
    now = to_db_datetime(clock.now())
    rows = [
        (user, *(device[name] for name in _DEVICE_COLUMNS), *unused.values(), now)
        for user, devices in received.items()
        for device in devices
        if (user, device["key"]) not in stored_keys
    ]
    columns = ("user_id", *_DEVICE_COLUMNS, *unused, "created_at")
    sql.insert(database, "otp_totp_totpdevice", columns, rows)
