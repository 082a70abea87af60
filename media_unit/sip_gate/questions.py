"""The questions of a gate of telephones to the scheduler (CSS) and to media units, over RabbitMQ, and their answers."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from foundation.bus.message import Message
from media_unit.broker import Broker
from media_unit.sip_gate.config import GateConfig
from wire.fields import UnitName
from wire.routes import Routes, gate_queue, unit_key
from wire.telephones import (
    AskForLeg,
    AskToEnter,
    LeaveLeg,
    LegAddress,
    LegGranted,
    TelephoneMayEnter,
    TelephoneRefused,
)

_PATIENCE = 5.0
"""Seconds in which an answer comes, or the question counts as not answered."""


class Questions:
    """The open questions of one gate; `take_answer` gets what comes from the broker."""

    def __init__(self, config: GateConfig, broker: Broker) -> None:
        """Begin without questions; they are sent by `broker`."""
        self._config, self._broker = config, broker
        self._waiting: dict[str, asyncio.Future[Message]] = {}
        """Correlation id of an open question -> its answer."""

    def take_answer(self, answer: Message, correlation_id: str) -> None:
        """Hand an answer to the call that waits for it; a late one is ignored."""
        waiting = self._waiting.get(correlation_id)
        if waiting and not waiting.done():
            waiting.set_result(answer)

    async def may_enter(self, question: AskToEnter) -> TelephoneMayEnter | TelephoneRefused | None:
        """Ask the scheduler whether a telephone may enter a conference; `None` means that no answer has come."""
        queue = gate_queue(self._config.ip, self._config.pid)
        answer = await self._ask(Routes.GATE_TO_CSS, question, "", queue)
        return answer if isinstance(answer, TelephoneMayEnter | TelephoneRefused) else None

    async def add_leg(self, unit: UnitName, question: AskForLeg) -> LegAddress | None:
        """Ask a media unit to mix a telephone into a conference, or say that its call goes on.

        Returns where the unit receives the telephone's sound; `None` means that it has refused, or has not answered.
        """
        key = unit_key(unit.ip, unit.pid or "")
        answer = await self._ask(Routes.CSS_TO_UNIT, question, key, "")
        return answer.audio if isinstance(answer, LegGranted) else None

    def leave(self, unit: UnitName, command: LeaveLeg) -> None:
        """Tell a media unit that a telephone has hung up."""
        self._broker.send(Routes.CSS_TO_UNIT, command, key=unit_key(unit.ip, unit.pid or ""))

    async def _ask(
        self, route: Routes, question: Message, key: str, reply_to: str
    ) -> Message | None:
        """Send a question, and return its answer; `None` means that none has come in time."""
        correlation_id = uuid4().hex
        answer = asyncio.get_running_loop().create_future()
        self._waiting[correlation_id] = answer
        self._broker.send(route, question, correlation_id, key, reply_to)
        try:
            return await asyncio.wait_for(answer, _PATIENCE)
        except TimeoutError:
            return None
        finally:
            del self._waiting[correlation_id]
