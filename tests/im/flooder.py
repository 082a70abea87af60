"""The program is a client that sends the same as fast as it can until it is thrown out: `python -m tests.im.flooder`.

Reads a line of JSON: what `login` has answered, and the `conversation`. Prints how many messages it has
sent, and in how many seconds.
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

AT_ONCE = 200
LONGEST = 30.0


def main(me: dict[str, Any]) -> None:
    """Send until the connection is closed."""
    address = urlsplit(me["addresses"]["amqp"])
    connection = amqp.Connection(
        f"{address.hostname}:{address.port}", me["user_id"], me["token"], virtual_host="im"
    )
    connection.connect()
    channel: Any = connection.channel()
    message = amqp.Message(_message(me), user_id=me["user_id"], delivery_mode=2)
    key, count, began = f"c_{me['conversation']}", 0, time.monotonic()
    with suppress(*BROKER_ERRORS):
        while time.monotonic() - began < LONGEST:
            for _ in range(AT_ONCE):
                channel.basic_publish(message, me["outgoing"], key)
            count += AT_ONCE
            with suppress(TimeoutError, BlockingIOError):
                connection.drain_events(timeout=0)
    print(count, time.monotonic() - began)


def _message(me: dict[str, Any]) -> bytes:
    by = {"publisher_id": me["user_id"], "publisher_name": "x", "type": "text", "body": "flood"}
    data = {"conversation_id": me["conversation"], **by}
    return json.dumps({"cmd": "msg", "token": f"Tricolor{me['token']}", "data": data}).encode()


if __name__ == "__main__":
    main(json.loads(sys.stdin.readline()))
