"""The membership of a caller in a conference, which follows the conference from one media unit to the next."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from uuid import uuid4

from media_unit.sip_gate.config import GateConfig
from media_unit.sip_gate.phone_media import PhoneMedia
from media_unit.sip_gate.questions import Questions
from wire.telephones import (
    AskForLeg,
    AskToEnter,
    LeaveLeg,
    TelephoneMayEnter,
)

log = logging.getLogger("conferences.media.telephones")

_TRY_AGAIN_SECONDS = 0.3
_LONGEST_MOVE = 60.0
"""Seconds after which a caller is given up whose conference has found no media unit."""
_KEPT_ALIVE_EVERY = 15.0
"""A media unit ends a telephone of which its gate has not spoken for 60 s."""
LOST = "lost"
"""The news that the media unit has lost the telephone, but the conference may go on."""

AskAgain = Callable[[str, str, str], AskToEnter]
"""Return the question whether the caller may enter: number, PIN, pass."""


class Membership:
    """A caller's membership in a conference, from the moment at which the scheduler has let the caller in."""

    def __init__(
        self,
        config: GateConfig,
        questions: Questions,
        media: PhoneMedia,
        ask_again: AskAgain,
        admission: TelephoneMayEnter,
    ) -> None:
        """Prepare; `run` brings the caller's sound into the conference that `admission` names."""
        self._config, self._questions, self._media = config, questions, media
        self._ask_again, self._admission = ask_again, admission
        self._callid = ask_again("", "", "").callid
        self._news: asyncio.Queue[str] = asyncio.Queue()

    @property
    def e164(self) -> str:
        """Return the number of the conference."""
        return self._admission.e164

    def tell(self, news: str) -> None:
        """Take the news about the telephone: LOST, or a reason for which it is not in the conference any more."""
        self._news.put_nowait(news)

    def leave(self) -> None:
        """Tell the media unit that the caller has hung up."""
        admission = self._admission
        command = LeaveLeg(e164=admission.e164, mtid=admission.mtid, callid=self._callid)
        self._questions.leave(admission.mcu, command)

    async def run(self) -> bool:
        """Take part until the caller is disconnected or the conference ends; return whether it has come to that.

        False: the conference has lost its media unit, and was not found again. Raises RtpengineError.
        """
        while await self._enter():
            news = await self._wait_for_news()
            log.info("call %s in %s: %s", self._callid, self.e164, news)
            if news != LOST:
                return True
        return False

    async def _enter(self) -> bool:
        """Connect the caller's sound with the conference, on the media unit that has it; return whether that was done.

        As long as the unit does not take the telephone, the scheduler is asked where the conference is.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + _LONGEST_MOVE
        while loop.time() < until:
            if mixer := await self._questions.add_leg(self._admission.mcu, self._leg_question()):
                await self._media.connect(mixer)
                log.info("call %s is in %s", self._callid, self.e164)
                return True
            await asyncio.sleep(_TRY_AGAIN_SECONDS)
            question = self._ask_again(self.e164, "", self._admission.granted)
            answer = await self._questions.may_enter(question)
            if isinstance(answer, TelephoneMayEnter):
                self._admission = answer
            elif answer and answer.entry not in ("moving", "full", None):
                return False
        return False

    async def _wait_for_news(self) -> str:
        """Return the next news about the telephone; meanwhile tell the unit now and then that the call goes on."""
        while True:
            try:
                return await asyncio.wait_for(self._news.get(), _KEPT_ALIVE_EVERY)
            except TimeoutError:
                question = self._leg_question()
                if not await self._questions.add_leg(self._admission.mcu, question):
                    return LOST

    def _leg_question(self) -> AskForLeg:
        """Return the question to the media unit whether it mixes this telephone into the conference."""
        admission, caller = self._admission, self._ask_again("", "", "")
        return AskForLeg(
            reqid=uuid4().hex,
            e164=admission.e164,
            incarnation=admission.incarnation,
            mtid=admission.mtid,
            visitor=admission.visitor,
            callid=self._callid,
            account=caller.caller,
            name=caller.name or caller.caller,
            audio=self._media.inner_address,
            ip=self._config.ip,
            pid=self._config.pid,
        )
