"""The program is a client that sends the same as fast as it can until it is thrown out: `python -m tests.im.flooder`.

Reads a line of JSON: what `login` has answered, the `conversation`, the `size` of a message in bytes, and whether
it is `nameless` (without the property `user_id`). Prints how many messages it has sent, and in how many seconds.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import amqp

from foundation.bus.amqp import BROKER_ERRORS

AT_ONCE, AT_ONCE_BYTES = 200, 1024 * 1024
LONGEST = 30.0


def main(me: dict[str, Any]) -> None:
    """Send until the connection is closed."""
    address = urlsplit(me["addresses"]["amqp"])
    connection = amqp.Connection(
        f"{address.hostname}:{address.port}", me["user_id"], me["token"], virtual_host="im"
    )
    connection.connect()
    channel: Any = connection.channel()
    name = {} if me["nameless"] else {"user_id": me["user_id"]}
    message = amqp.Message(_message(me), delivery_mode=2, **name)
    at_once = max(1, min(AT_ONCE, AT_ONCE_BYTES // me["size"]))
    key, count, began = f"c_{me['conversation']}", 0, time.monotonic()
    with suppress(*BROKER_ERRORS):
        while time.monotonic() - began < LONGEST:
            for _ in range(at_once):
                channel.basic_publish(message, me["outgoing"], key)
            count += at_once
            with suppress(TimeoutError, BlockingIOError):
                connection.drain_events(timeout=0)
    print(count, time.monotonic() - began)


def _message(me: dict[str, Any]) -> bytes:
    text = "flood".ljust(me["size"], ".")
    by = {"publisher_id": me["user_id"], "publisher_name": "x", "type": "text", "body": text}
    data = {"conversation_id": me["conversation"], **by}
    return json.dumps({"cmd": "msg", "token": f"Tricolor{me['token']}", "data": data}).encode()


if __name__ == "__main__":
    main(json.loads(sys.stdin.readline()))
