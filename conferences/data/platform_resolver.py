"""To which platform's data a message belongs, where a site has the data of several (CSS §2.2).

A number belongs to the platform in whose data it lives, else to the one whose prefix it has; a
user domain to the one it is bound to. What a unit says of all that it holds concerns everybody, and
so does what BMC says, where that does not name a platform (CSS §3.3, §4.2).
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from conferences.rules.outgoing import question_of
from domains.data import lookups
from foundation.bus.delivery import Delivery
from foundation.bus.message import NotTaken
from foundation.cells import sql
from foundation.cells.directory import look_up, own_platform, possible_platforms
from foundation.cells.serving import read_unless_away
from wire.conference_manager import CreateConference
from wire.domain_changes import AccountChanged, DomainChanged
from wire.licences import LicenceIssued
from wire.media_unit import UnitHolds
from wire.resource_pool import NodeLost, ResourcesGranted, ResourcesRefused

_PREFIXES_LIVE = 5.0
_prefixes: tuple[float, dict[str, str]] = (0.0, {})
_ELSEWHERE_LIVES = 0.5
_elsewhere: dict[str, tuple[float, Elsewhere | None]] = {}


def homes_of(deliveries: Sequence[Delivery]) -> list[tuple[str, ...]]:
    """The platforms that each message concerns; our own where nothing says."""
    named = [_named(delivery) for delivery in deliveries]
    numbers = platforms_of_numbers({number for number, _ in named if number})
    domains = _platforms_of_domains({moid for _, moid in named if moid})
    own, found = own_platform(), []
    for delivery, (number, moid) in zip(deliveries, named, strict=True):
        if isinstance(delivery.message, UnitHolds | NodeLost | LicenceIssued):
            found.append(possible_platforms())
        elif isinstance(delivery.message, DomainChanged | AccountChanged):
            found.append(_followers(delivery.message))
        else:
            found.append((numbers.get(number) or domains.get(moid) or own,))
    return found


def _followers(told: DomainChanged | AccountChanged) -> tuple[str, ...]:
    """Whose data follows it. One that is not kept here is refused by our own."""
    possible = possible_platforms()
    if told.platform is None:
        return possible
    return (told.platform if told.platform in possible else own_platform(),)


def _named(delivery: Delivery) -> tuple[str, str]:
    """The number by which a message is known, or else the domain."""
    message, body = delivery.message, delivery.parsed or {}
    if isinstance(message, ResourcesGranted | ResourcesRefused):
        try:
            return question_of(delivery.envelope.correlation_id)[0], ""
        except NotTaken:
            return "", ""
    number, moid = body.get("confE164"), body.get("moid")
    if isinstance(number, str) and not isinstance(message, CreateConference):
        return number, ""
    return "", moid if isinstance(moid, str) else ""


def platforms_of_numbers(numbers: Collection[str]) -> dict[str, str]:
    """Whose each number is, as far as anything says so."""
    found: dict[str, str] = {}
    wanted = sorted(n for n in numbers if n.isdigit() and len(n) <= 16)
    if not wanted:
        return found
    query = f"SELECT live_e164 FROM conferences_conference WHERE live_e164 IN ({sql.marks(wanted)})"
    for platform in possible_platforms():
        for (number,) in look_up(platform, query, wanted):
            found.setdefault(number, platform)
    prefixes = _known_prefixes()
    for number in wanted:
        if number not in found and (home := _by_prefix(number, prefixes)):
            found[number] = home
    return found


def _by_prefix(number: str, prefixes: dict[str, str]) -> str:
    lengths = range(len(number), 0, -1)
    return next((prefixes[number[:n]] for n in lengths if number[:n] in prefixes), "")


def _known_prefixes() -> dict[str, str]:
    """Platform by number prefix; read again every few seconds."""
    global _prefixes
    read_at, known = _prefixes
    if not known or time.monotonic() - read_at > _PREFIXES_LIVE:
        known = {
            prefix: moid
            for platform in reversed(possible_platforms())
            for prefix, moid in lookups.number_prefixes(platform).items()
        }
        _prefixes = (time.monotonic(), known)
    return known


def _platforms_of_domains(moids: Collection[str]) -> dict[str, str]:
    platform_of: dict[str, str] = {}
    wanted = sorted(moids)
    if not wanted:
        return platform_of
    possible = possible_platforms()
    for platform in possible:
        for moid, home in lookups.platforms_of_domains(platform, wanted).items():
            if home in possible:
                platform_of.setdefault(moid, home)
    return platform_of


# ---- who serves, for doors -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The site that serves a platform now, where it is not this one, and its HTTP address."""

    platform: str
    url: str


def served_elsewhere(platform: str) -> Elsewhere | None:
    """Return the other site that serves a platform, as known half a second ago at most.

    `None` means this site, also while the data is being opened or handed over here: whoever then asks
    waits for the end of that in the dispatcher. Where the data is away, its own site is the answer.
    """
    read_at, elsewhere = _elsewhere.get(platform, (0.0, None))
    if time.monotonic() - read_at > _ELSEWHERE_LIVES:
        elsewhere = _read_elsewhere(platform)
        _elsewhere[platform] = (time.monotonic(), elsewhere)
    return elsewhere


def _read_elsewhere(platform: str) -> Elsewhere | None:
    serving = read_unless_away(platform)
    owner = serving.owner if serving else platform
    if owner == own_platform():
        return None
    return Elsewhere(owner, lookups.http_url(own_platform(), owner))


def home_of(domain: str) -> str:
    """The platform of a user domain; our own where nothing says."""
    if len(possible_platforms()) == 1:
        return own_platform()
    return _platforms_of_domains({domain}).get(domain) or own_platform()
