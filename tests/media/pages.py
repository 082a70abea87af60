"""The join page served for a test, with the conference where the test says that it is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from django.core.wsgi import get_wsgi_application

from tests.media.conftest import Body, Platform, create
from tests.media.page_scripts import HANDS


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing: the test speaks for itself."""


@contextmanager
def served() -> Iterator[str]:
    """Serve the whole site on a free port of loopback, and yield its address."""
    server = make_server("127.0.0.1", 0, get_wsgi_application(), _Server, _Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


async def restore(platform_side: Platform, chairman: str, mts: list[Body], settings: Body) -> Body:
    """Restore the conference on unit u2, with what is known of it; return how people join it there."""
    known = {"chairman": chairman, "mts": mts, "settings": settings}
    order = create("8800001", 2) | {"type": "MAU_CMU_RESTORECONF_REQ"} | known
    await platform_side.tell("u2", order)
    join: Body = (await platform_side.hears("CMU_MAU_RESTORECONF_ACK"))["join"]
    return join


async def raise_hands(ben: Any, anna: Any, platform_side: Platform, mtid: dict[str, str]) -> Body:
    """Raise Ben's hand, then Anna's, whom he applauds; return the settings that the unit reports then."""
    await ben.keyboard.press("h")
    await anna.get_by_text("Hand raised: Ben Berger").wait_for()
    await anna.keyboard.press("h")
    await ben.wait_for_function(HANDS, arg="Ben Berger,Anna")
    assert await ben.get_by_role("button", name="Lower the hand of Anna").count() == 0
    await ben.get_by_role("button", name="More").click()
    await ben.get_by_role("button", name="Applause").click()
    await anna.get_by_text("👏 Ben Berger").wait_for()
    while True:
        notice = await platform_side.hears("MCU_MAU_CONFSTATECHANGE_NTF", confE164="8800001")
        settings: Body = notice["settings"]
        if settings.get("hands") == [mtid["Ben Berger"], mtid["Anna"]]:
            return settings


async def lower_hands(ben: Any, anna: Any) -> None:
    """See the two hands in their order, and let Ben, who is the chairman, lower all."""
    for page in (ben, anna):
        await page.wait_for_function(HANDS, arg="Ben Berger,Anna")
    assert await anna.get_by_role("button", name="Lower all").count() == 0
    await ben.get_by_role("button", name="Lower all").click()
    await anna.get_by_text("Your hand was lowered.").wait_for()
    await ben.wait_for_function(HANDS, arg="")
    await anna.get_by_role("button", name="Raise hand").wait_for()
