"""Conference control, passed through unchanged (CSS §2.3.3)."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from foundation.bus.message import BadMessage, Raw
from wire.fields import IP, NUMBER, REQID, unit_id


class _Passed(Raw):
    """A message that goes through unchanged, and the number that it is for."""

    __slots__ = ("e164", "reqid")
    _NAMES: ClassVar[re.Pattern[str]]

    def __init__(self, body: dict[str, Any]) -> None:
        super().__init__(body)
        if not self._NAMES.fullmatch(self.type):
            raise BadMessage(f"unknown type {self.type[:64]!r}", "type")
        self.e164: str = _checked(body, "confE164", NUMBER)
        self.reqid: str | None = _checked(body, "reqid", REQID) if body.get("reqid") else None


def _checked(body: dict[str, Any], field: str, check: Any) -> Any:
    try:
        return check(body.get(field))
    except ValueError as wrong:
        raise BadMessage(str(wrong), field) from None


class Control(_Passed):
    """`CM_MCU_<NAME>_REQ` or `_CMD`: from CM to the unit that runs the conference."""

    __slots__ = ()
    _NAMES = re.compile(r"CM_MCU_[A-Z0-9_]{1,40}_(REQ|CMD)")

    @property
    def refusal_type(self) -> str:
        """The NACK by which the CSS itself refuses it."""
        return "MCU_CM_" + self.type.removeprefix("CM_MCU_").rsplit("_", 1)[0] + "_NACK"

    @property
    def called(self) -> list[dict[str, Any]]:
        """The terminals that it wants to be called."""
        asked = self.body.get("mts") if self.type.startswith("CM_MCU_ADDMT_") else None
        return [one for one in asked if isinstance(one, dict)] if isinstance(asked, list) else []


class ControlAnswered(_Passed):
    """`MCU_CM_<NAME>_ACK`, `_NACK` or `_NTF`: from the unit to CM."""

    __slots__ = ("ip", "pid")
    _NAMES = re.compile(r"MCU_CM_[A-Z0-9_]{1,40}_(ACK|NACK|NTF)")

    def __init__(self, body: dict[str, Any]) -> None:
        super().__init__(body)
        self.ip: str | None = _checked(body, "ip", IP) if body.get("ip") else None
        self.pid: str | None = _checked(body, "pid", unit_id) if body.get("pid") else None
