"""A center that ends at a given point, as if it were killed there: `python -m tests.im.run_center NUMBER`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any, NoReturn

import django


def main(number: int, crash_at: str) -> None:
    """Run until the process is killed."""
    django.setup()
    from foundation.bus import amqp
    from im.api import message_center

    class Publisher(amqp.Publisher):
        """A publisher that dies before or after it publishes what follows from a batch."""

        def send(self, rows: Iterable[Any]) -> None:
            batch = list(rows)
            chat = any(row.exchange == "conversation.incoming" for row in batch)
            if chat and crash_at == "committed":
                _die()
            super().send(batch)
            if chat and crash_at == "published":
                self.wait()
                _die()

    message_center.Publisher = Publisher  # type: ignore[attr-defined]
    message_center.Center(number).run()


def _die() -> NoReturn:
    os._exit(9)


if __name__ == "__main__":
    main(int(sys.argv[1]), os.environ.get("CRASH_AT", ""))
