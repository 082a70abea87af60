"""The configuration of one gate of telephones, read from its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from foundation.bus.typed_json import read_as
from foundation.bus.typed_json_words import InvalidValue
from media_unit.config import BadConfig
from wire.fields import UnitName, may_be_number

LANGUAGES = ("en", "zh")
"""The languages in which there are prompts."""

Address = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateConfig:
    """The configuration of one gate: its name, the addresses of its neighbours, and its limits.

    `ip` and `sip_port` are where the edge (Kamailio) sends calls, at `rtpengine` the media relay takes commands, and to
    `digits` it tells which keys were pressed. `calls` is how many calls may be there at once. In `languages` each
    prompt is played, one after the other. `access_number` is a number at which callers are asked for the conference's
    number; "" means none. `tls_authorities`: as of `media_unit.config.UnitConfig`.
    """

    amqp_url: str
    ip: str
    pid: str
    sip_port: int
    rtpengine: Address
    digits: Address
    directory: Path
    calls: int = 100
    languages: tuple[str, ...] = LANGUAGES
    access_number: str = ""
    tls_authorities: str = ""


def from_environment(env: Mapping[str, str]) -> GateConfig:
    """Return a gate's configuration, read from environment variables (`env`). Raises BadConfig."""
    try:
        pid = read_as(UnitName, {"pid": env.get("APS_PID", "")}).pid or ""
    except InvalidValue as error:
        raise BadConfig(f"APS_PID {error.words}") from None
    languages = tuple(env.get("APS_LANGUAGES", ",".join(LANGUAGES)).split(","))
    if not languages or any(language not in LANGUAGES for language in languages):
        raise BadConfig(f"APS_LANGUAGES must be some of {', '.join(LANGUAGES)}, joined by commas")
    access_number = env.get("APS_ACCESS_NUMBER", "")
    if access_number and not may_be_number(access_number):
        raise BadConfig("APS_ACCESS_NUMBER must have 1 to 16 digits")
    return GateConfig(
        amqp_url=_read_required(env, "AMQP_URL"),
        ip=_read_required(env, "APS_IP"),
        pid=pid,
        sip_port=_read_integer(env, "APS_SIP_PORT", 1024, 65535),
        rtpengine=_parse_address("APS_RTPENGINE", _read_required(env, "APS_RTPENGINE")),
        digits=_parse_address("APS_DIGITS", _read_required(env, "APS_DIGITS")),
        directory=Path(_read_required(env, "APS_DIR")).absolute(),
        calls=_read_integer(env, "APS_CAPACITY_CALLS", 1, 1000, "100"),
        languages=languages,
        access_number=access_number,
        tls_authorities=env.get("TLS_CA_FILE", ""),
    )


def _read_required(env: Mapping[str, str], name: str) -> str:
    """Return the value of an environment variable. Raises BadConfig if it is not set."""
    if value := env.get(name):
        return value
    raise BadConfig(f"{name} is not set")


def _read_integer(
    env: Mapping[str, str], name: str, lowest: int, highest: int, default: str = ""
) -> int:
    """Return an environment variable as a whole number between two limits. Raises BadConfig."""
    text = env.get(name) or default or _read_required(env, name)
    if not text.isdigit() or not lowest <= int(text) <= highest:
        raise BadConfig(f"{name} must be a whole number from {lowest} to {highest}, not {text!r}")
    return int(text)


def _parse_address(name: str, text: str) -> Address:
    """Return the value of the environment variable `name`, which has the form `address:port`. Raises BadConfig."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise BadConfig(f"{name} must have the form address:port, for instance 127.0.0.1:2223")
    return host, int(port)
