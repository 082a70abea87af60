"""The course of one call by telephone: number and PIN, the way into the conference, and all that follows there."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from uuid import uuid4

from aiosipua import IncomingCall

from media_unit.sip_gate.config import GateConfig
from media_unit.sip_gate.digits import Keys
from media_unit.sip_gate.membership import Membership
from media_unit.sip_gate.phone_media import PhoneMedia
from media_unit.sip_gate.prompts import Prompt, file_of
from media_unit.sip_gate.questions import Questions
from media_unit.sip_gate.rtpengine import NoCommonFormat, RtpengineError
from wire.telephones import AskToEnter, Entry, TelephoneMayEnter

log = logging.getLogger("conferences.media.telephones")

_TRIES = 3
"""So often a caller may type number and PIN; then the call ends."""
_FIRST_KEY_SECONDS, _NEXT_KEY_SECONDS = 20.0, 5.0
"""Seconds for which the first key is awaited, after the prompt, and each further one."""
_KEY_SECONDS = 0.4
"""Seconds to wait after the last key, before rtpengine is told anything about the call.

A telephone tells the end of a key three times. rtpengine sends no sound of a caller who holds a key, and would take
what it hears of the key after the command for the beginning of another one.
"""
_MOST_DIGITS = 32
_ASK_AGAIN_SECONDS = 5.0
"""Seconds between two questions whether a caller who waits in the lobby may enter."""
_LONGEST_WAITS: dict[Entry, float] = {"waiting": 3600.0, "moving": 60.0}
"""Seconds for which a caller waits to be let in, and for a media unit or an answer of the scheduler."""
_BUSY, _UNAVAILABLE, _NOT_ACCEPTABLE = 486, 503, 488
"""Status codes of SIP."""

_GOODBYES: dict[Entry, Prompt] = {
    "later": Prompt.LATER,
    "locked": Prompt.LOCKED,
    "refused": Prompt.REFUSED,
    "removed": Prompt.REFUSED,
    "full": Prompt.FULL,
    "moving": Prompt.FAILED,
    "elsewhere": Prompt.FAILED,
}
"""A caller who is not let in hears this text before the call ends."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The other end of a call: the number that was dialled ("" if it is none), and who dials, as the telephone says."""

    number: str
    address: str
    name: str


class _Over(Exception):
    """The exception ends a call, after this prompt; `None` means that nothing is said."""

    def __init__(self, prompt: Prompt | None) -> None:
        """Take the last prompt of the call."""
        super().__init__()
        self.prompt = prompt


class Call:
    """A call; `run` leads it from its beginning to its end."""

    def __init__(
        self,
        config: GateConfig,
        questions: Questions,
        sip: IncomingCall,
        caller: Caller,
        media: PhoneMedia,
        keys: Keys,
        callid: str,
    ) -> None:
        """Prepare the call that has the id `callid`; `keys` are those that the caller presses."""
        self._config, self._questions, self._sip, self._caller = config, questions, sip, caller
        self._media, self._keys, self._callid = media, keys, callid
        self.membership: Membership | None = None
        """The call's part in a conference, once it is let in."""

    async def run(self) -> None:
        """Lead the call to its end. When this task is cancelled, as the caller has hung up, leave the conference."""
        try:
            await self._lead()
        except RtpengineError as error:
            log.error("call %s: %s", self._callid, error)
            if self._sip.sdp_answer is None:
                has_none = isinstance(error, NoCommonFormat)
                self._sip.reject(_NOT_ACCEPTABLE if has_none else _UNAVAILABLE)
        finally:
            if self.membership:
                self.membership.leave()
            self._sip.hangup()
            await self._media.close()

    async def _lead(self) -> None:
        """Let the caller into a conference, and wait until that is over. Raises RtpengineError."""
        number = self._caller.number
        is_access_number = number == self._config.access_number
        reason: Entry = "pin"
        if not is_access_number:
            admission, reason = await self._ask(number, "")
            if reason == "full":
                self._sip.reject(_BUSY)
                return
        self._sip.accept(await self._media.answer())
        try:
            if is_access_number or (admission is None and reason == "pin"):
                admission = await self._read_number_and_pin("" if is_access_number else number)
            elif admission is None:
                admission = await self._wait_in_lobby(number, "", reason)
            self.membership = Membership(
                self._config, self._questions, self._media, self._question, admission
            )
            raise _Over(Prompt.ENDED if await self.membership.run() else Prompt.FAILED)
        except _Over as over:
            if over.prompt:
                await self._media.disconnect()
                await self._say(over.prompt)

    async def _read_number_and_pin(self, number: str) -> TelephoneMayEnter:
        """Ask the caller for a PIN, and for the conference's number unless it is known; return how to enter.

        Raises _Over after three wrong tries, or if the caller presses nothing.
        """
        for attempt in range(_TRIES):
            typed = number or await self._read(Prompt.NUMBER)
            pin = await self._read(Prompt.PIN)
            admission, reason = await self._ask(typed, pin)
            if admission:
                return admission
            if reason != "pin":
                return await self._wait_in_lobby(typed, pin, reason)
            if attempt < _TRIES - 1:
                await asyncio.sleep(2**attempt)
                await self._say(Prompt.WRONG, until_key=True)
        raise _Over(Prompt.LATER)

    async def _wait_in_lobby(self, number: str, pin: str, reason: Entry) -> TelephoneMayEnter:
        """Return how to enter once a chair has let the caller in, who was refused for this reason before.

        Raises _Over if the reason is another one than one for which a caller waits.
        """
        loop = asyncio.get_running_loop()
        since, former = loop.time(), reason
        while loop.time() - since < _LONGEST_WAITS.get(reason, 0):
            if reason == "waiting":
                await self._say(Prompt.WAITING)
            await asyncio.sleep(_ASK_AGAIN_SECONDS)
            admission, reason = await self._ask(number, pin)
            if admission:
                return admission
            if reason != former:
                since, former = loop.time(), reason
        raise _Over(_GOODBYES.get(reason, Prompt.FAILED))

    async def _ask(self, number: str, pin: str) -> tuple[TelephoneMayEnter | None, Entry]:
        """Return how to enter a conference, or why the caller may not enter now ("pin" for a number that is none)."""
        if not number.isdigit() or len(number) > 16:
            return None, "pin"
        answer = await self._questions.may_enter(self._question(number, pin, ""))
        if isinstance(answer, TelephoneMayEnter):
            return answer, "pin"
        entry: Entry = (answer.entry if answer else None) or "moving"
        log.info("call %s is not let into %s: %s", self._callid, number, entry)
        return None, entry

    def _question(self, number: str, pin: str, granted: str) -> AskToEnter:
        """Return the question whether the caller may enter; `granted` is the pass of an earlier answer, or ""."""
        return AskToEnter(
            reqid=uuid4().hex,
            e164=number,
            pin=pin,
            granted=granted,
            caller=self._caller.address,
            name=self._caller.name,
            callid=self._callid,
        )

    async def _read(self, prompt: Prompt) -> str:
        """Say a prompt, and return the digits that the caller presses. Raises _Over if none are."""
        await self._say(prompt, until_key=True)
        typed = await self._keys.read_number(_FIRST_KEY_SECONDS, _NEXT_KEY_SECONDS, _MOST_DIGITS)
        if not typed:
            raise _Over(Prompt.LATER)
        await asyncio.sleep(_KEY_SECONDS)
        return typed

    async def _say(self, prompt: Prompt, *, until_key: bool = False) -> None:
        """Play a prompt in each language, to its end, or with `until_key` until the caller presses a key."""
        for language in self._config.languages:
            if until_key and self._keys.are_waiting:
                return
            seconds = await self._media.play(file_of(prompt, language))
            if not until_key:
                await asyncio.sleep(seconds)
            elif await self._keys.wait(seconds):
                await self._media.stop_playing()
                return
