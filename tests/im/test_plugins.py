"""A plugin hears of what was said, answers once, and disturbs nobody when it fails. It costs 5 to 10 s."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from foundation.cells.directory import own_platform
from im.api.message_center import Center
from im.data import broker
from im.data.plugins import switches
from im.flows import admin_actions
from im.flows.plugins.host import PluginHost
from im.flows.site_news import _news_by_kind
from im.models import Entry
from im.rules.plugins import FAILURES_IN_A_ROW, HeardMessage, plugin_queue
from tests.im import devices
from tests.im.conversations import conversation
from tests.im.devices import Device, Running
from tests.im.door import GROUP, eventually
from tests.im.plugins import REPLY_BOT, install

pytestmark = pytest.mark.xdist_group(GROUP)
ANN, BOT, CEM = "ann-b1", "bot-b2", "cem-b3"
SignIn = Callable[..., Device]


@pytest.fixture
def bot(
    im_site: str, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], Running]]:
    """Install the reply bot, and return a function that runs it."""
    monkeypatch.syspath_prepend(install(tmp_path, "1.0"))
    settings.IM_PLUGINS = {REPLY_BOT: {"account": BOT}}
    broker.remove_plugin(REPLY_BOT)
    started: list[Running] = []

    def run() -> Running:
        host = PluginHost(REPLY_BOT)
        started.append(Running(make=lambda number: Center(chain=host)))
        return started[-1]

    yield run
    for running in started:
        running.stop()
    broker.remove_plugin(REPLY_BOT)


def answers(number: int) -> list[str]:
    rows = Entry.objects.filter(conversation=number, sender=BOT).order_by("seq")
    return [*rows.values_list("body", flat=True)]


def test_the_bot_answers_where_it_is_a_member_also_what_was_said_while_it_was_away(
    center: Running, sign_in: SignIn, bot: Callable[[], Running]
) -> None:
    group, other = conversation(ANN, BOT), conversation(ANN, CEM)
    ann = sign_in(ANN)
    broker.declare_plugin(REPLY_BOT)
    ann.text(other, "!echo nobody", client_msg_id="m-0")
    ann.text(group, "!echo one", client_msg_id="m-1")
    ann.wait("msg_ack", 2)
    first, second = bot(), bot()
    eventually(lambda: answers(group) == ["one"])
    first.stop()
    ann.text(group, "!echo two", client_msg_id="m-2")
    eventually(lambda: answers(group) == ["one", "two"])
    second.stop()
    assert answers(other) == []
    assert "two" in [data["body"] for data in ann.wait("msg", 5)]


def test_a_bot_that_always_raises_is_put_out_its_messages_wait_and_others_go_on(
    center: Running, sign_in: SignIn, bot: Callable[[], Running]
) -> None:
    group, ann = conversation(ANN, BOT), sign_in(ANN)
    broker.declare_plugin(REPLY_BOT)
    running = bot()
    plugin = running.center._chain._plugin  # type: ignore[attr-defined]  # to break it
    handle = plugin.handle

    def raise_always(message: HeardMessage) -> list[str]:
        raise RuntimeError("broken")

    plugin.handle = raise_always
    eventually(lambda: devices.readers_of(plugin_queue(REPLY_BOT)) > 0)
    for number in range(FAILURES_IN_A_ROW + 2):
        ann.text(group, f"!echo {number}", client_msg_id=f"m-{number}")
    ann.wait("msg_ack", FAILURES_IN_A_ROW + 2)
    eventually(lambda: switches.why_off(REPLY_BOT) == "it was put out: RuntimeError: broken")
    assert "RuntimeError: broken" in _news_by_kind(own_platform())["plugins"]
    ann.text(group, "goes on", client_msg_id="m-last")
    ann.wait("msg_ack", FAILURES_IN_A_ROW + 3)
    assert answers(group) == []
    plugin.handle = handle
    assert admin_actions.switch_plugin(REPLY_BOT, on=True)
    eventually(lambda: sorted(answers(group)) == [f"{n}" for n in range(FAILURES_IN_A_ROW + 2)])
