"""What the gate of telephones says to callers: the texts, and the files in which they are spoken.

`make prompts` writes the files anew from these texts.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

FOLDER = Path(__file__).parent / "prompts"


class Prompt(StrEnum):
    """The prompts; the value is the name of the file."""

    NUMBER = "number"
    PIN = "pin"
    WRONG = "wrong"
    LATER = "later"
    LOCKED = "locked"
    WAITING = "waiting"
    REFUSED = "refused"
    FULL = "full"
    ENDED = "ended"
    FAILED = "failed"


TEXTS: dict[str, dict[Prompt, str]] = {
    "en": {
        Prompt.NUMBER: "Welcome. Please enter the number of the conference, and the hash key.",
        Prompt.PIN: "Welcome. Please enter the PIN of the conference, and the hash key.",
        Prompt.WRONG: "There is no conference with this number and PIN.",
        Prompt.LATER: "There were too many wrong tries. Please call again later.",
        Prompt.LOCKED: "The conference is locked.",
        Prompt.WAITING: "Please wait until somebody lets you in.",
        Prompt.REFUSED: "You cannot enter the conference.",
        Prompt.FULL: "The conference is full.",
        Prompt.ENDED: "The conference has ended, or you were disconnected. Goodbye.",
        Prompt.FAILED: "The conference cannot be reached now. Please call again later.",
    },
    "zh": {
        Prompt.NUMBER: "欢迎。请输入会议号码，按井号键结束。",
        Prompt.PIN: "欢迎。请输入会议密码，按井号键结束。",
        Prompt.WRONG: "会议号码或密码不正确。",
        Prompt.LATER: "错误次数过多。请稍后再拨。",
        Prompt.LOCKED: "会议已锁定。",
        Prompt.WAITING: "请等待主持人允许您进入。",
        Prompt.REFUSED: "您不能进入这个会议。",
        Prompt.FULL: "会议人数已满。",
        Prompt.ENDED: "会议已结束，或者您已被挂断。再见。",
        Prompt.FAILED: "现在无法进入会议。请稍后再拨。",
    },
}
"""Language -> prompt -> what is said."""


def file_of(prompt: Prompt, language: str) -> Path:
    """Return the file in which a prompt is spoken in a language."""
    return FOLDER / language / f"{prompt.value}.wav"
