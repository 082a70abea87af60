"""A message belongs to the data of a platform, where a site has the data of several (CSS §2.2).

A number belongs to the platform in whose data it lives, else to the one whose prefix it has; a user
domain to the one it is bound to. A list of all that a unit holds concerns all of them, and so does what
BMC says, where that does not name a platform (CSS §3.3, §4.2).
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from conferences.rules.outgoing import parse_question
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

_PREFIXES_CACHE_SECONDS = 5.0
_prefixes: tuple[float, dict[str, str]] = (0.0, {})
_ELSEWHERE_CACHE_SECONDS = 0.5
_elsewhere: dict[str, tuple[float, ServingSite | None]] = {}


def platforms_of_messages(deliveries: Sequence[Delivery]) -> list[tuple[str, ...]]:
    """Return the platforms that each message concerns; our own where nothing says."""
    names = [_names_of(delivery) for delivery in deliveries]
    numbers = platforms_of_numbers({number for number, _ in names if number})
    domains = _platforms_of_domains({moid for _, moid in names if moid})
    own, concerned = own_platform(), []
    for delivery, (number, moid) in zip(deliveries, names, strict=True):
        if isinstance(delivery.message, UnitHolds | NodeLost | LicenceIssued):
            concerned.append(possible_platforms())
        elif isinstance(delivery.message, DomainChanged | AccountChanged):
            concerned.append(_followers(delivery.message))
        else:
            concerned.append((numbers.get(number) or domains.get(moid) or own,))
    return concerned


def _followers(change: DomainChanged | AccountChanged) -> tuple[str, ...]:
    """Return the platforms whose data follows a change of the core's tree.

    A change for a platform that has no data here is given to our own platform, which refuses it.
    """
    possible = possible_platforms()
    if change.platform is None:
        return possible
    return (change.platform if change.platform in possible else own_platform(),)


def _names_of(delivery: Delivery) -> tuple[str, str]:
    """Return `(number, domain)` by which a message names its conference; one of them, or both, are ""."""
    message, body = delivery.message, delivery.parsed or {}
    if isinstance(message, ResourcesGranted | ResourcesRefused):
        try:
            return parse_question(delivery.envelope.correlation_id)[0], ""
        except NotTaken:
            return "", ""
    number, moid = body.get("confE164"), body.get("moid")
    if isinstance(number, str) and not isinstance(message, CreateConference):
        return number, ""
    return "", moid if isinstance(moid, str) else ""


def platforms_of_numbers(numbers: Collection[str]) -> dict[str, str]:
    """Return the platform of each number, as far as anything says so."""
    platform_of: dict[str, str] = {}
    wanted = sorted(n for n in numbers if n.isdigit() and len(n) <= 16)
    if not wanted:
        return platform_of
    query = f"SELECT live_e164 FROM conferences_conference WHERE live_e164 IN ({sql.marks(wanted)})"
    for platform in possible_platforms():
        for (number,) in look_up(platform, query, wanted):
            platform_of.setdefault(number, platform)
    prefixes = _known_prefixes()
    for number in wanted:
        if number not in platform_of and (platform_by_prefix := _by_prefix(number, prefixes)):
            platform_of[number] = platform_by_prefix
    return platform_of


def _by_prefix(number: str, prefixes: dict[str, str]) -> str:
    """Return the platform with the longest prefix of a number; "" if there is none."""
    lengths = range(len(number), 0, -1)
    return next((prefixes[number[:n]] for n in lengths if number[:n] in prefixes), "")


def _known_prefixes() -> dict[str, str]:
    """Return the platform of each number prefix; read again every few seconds."""
    global _prefixes
    read_at, prefixes = _prefixes
    if not prefixes or time.monotonic() - read_at > _PREFIXES_CACHE_SECONDS:
        prefixes = {
            prefix: moid
            for platform in reversed(possible_platforms())
            for prefix, moid in lookups.number_prefixes(platform).items()
        }
        _prefixes = (time.monotonic(), prefixes)
    return prefixes


def _platforms_of_domains(moids: Collection[str]) -> dict[str, str]:
    """Return the platform of each user domain, as far as anything says so."""
    platform_of: dict[str, str] = {}
    wanted = sorted(moids)
    if not wanted:
        return platform_of
    possible = possible_platforms()
    for platform in possible:
        for moid, bound_to in lookups.platforms_of_domains(platform, wanted).items():
            if bound_to in possible:
                platform_of.setdefault(moid, bound_to)
    return platform_of


# ---- which site serves, for the HTTP API and the pages --------------------------------------------


@dataclass(frozen=True, slots=True)
class ServingSite:
    """Another site that serves a platform now, and its HTTP address."""

    platform: str
    url: str


def served_elsewhere(platform: str) -> ServingSite | None:
    """Return the other site that serves a platform, as known half a second ago at most.

    `None` means this site, also while the data is being opened or handed over here: whoever then asks
    waits for the end of that in the dispatcher. Where the data is away, its own site is the answer.
    """
    read_at, elsewhere = _elsewhere.get(platform, (0.0, None))
    if time.monotonic() - read_at > _ELSEWHERE_CACHE_SECONDS:
        elsewhere = _read_elsewhere(platform)
        _elsewhere[platform] = (time.monotonic(), elsewhere)
    return elsewhere


def _read_elsewhere(platform: str) -> ServingSite | None:
    serving = read_unless_away(platform)
    owner = serving.owner if serving else platform
    if owner == own_platform():
        return None
    return ServingSite(owner, lookups.http_url(own_platform(), owner))


def platform_of_domain(domain: str) -> str:
    """Return the platform of a user domain; our own where nothing says."""
    if len(possible_platforms()) == 1:
        return own_platform()
    return _platforms_of_domains({domain}).get(domain) or own_platform()
