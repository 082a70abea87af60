"""The functions here find the platform whose data a message belongs to, as a site may have data of several (CSS §2.2).

A conference number belongs to the platform that has a live conference with it, else to the one with its prefix; a
user domain to the platform that it is bound to. A media unit's list concerns all platforms, and so do changes and
licences from the management console (BMC) that name no platform (CSS §3.3, §4.2).
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from conferences.rules.outgoing import parse_rename_question, parse_rms_question
from domains.data import lookups
from foundation.bus.delivery import Delivery
from foundation.bus.message import NotTaken
from foundation.cells import sql
from foundation.cells.directory import look_up, own_platform, possible_platforms
from foundation.cells.serving import read_unless_away, served_platforms
from wire.conference_manager import CreateConference, RenameDenied
from wire.domain_changes import AccountChanged, CountRunning, DomainChanged
from wire.fields import may_be_number
from wire.licences import LicenceIssued
from wire.media_unit import UnitListsConferences
from wire.neighbours import ListForNeighbour
from wire.number_registry import LookUpNumber, NumberInUse
from wire.optional_settings import OptionalSettings
from wire.platforms import RoomState
from wire.resource_pool import NodeLost, ResourcesGranted, ResourcesRefused

_PREFIXES_CACHE_SECONDS = 5.0
_prefixes: tuple[float, dict[str, str]] = (0.0, {})
"""Cache: the time of reading (monotonic clock), and number prefix -> platform."""
_ELSEWHERE_CACHE_SECONDS = 0.5
_elsewhere: dict[str, tuple[float, ServingSite | None]] = {}
"""Cache: platform -> the time of reading (monotonic clock), and the result of `served_elsewhere`."""


def platforms_of_messages(deliveries: Sequence[Delivery]) -> list[tuple[str, ...]]:
    """Return for each message the platforms whose data it concerns; only our own if the message names none."""
    names = [_number_or_domain_in(delivery) for delivery in deliveries]
    numbers = platforms_of_numbers({number for number, _ in names if number})
    domains = _platforms_of_domains({moid for _, moid in names if moid})
    platforms_of: list[tuple[str, ...]] = []
    for delivery, (number, moid) in zip(deliveries, names, strict=True):
        if isinstance(delivery.message, UnitListsConferences | NodeLost | LicenceIssued):
            platforms_of.append(possible_platforms())
        elif isinstance(delivery.message, DomainChanged | AccountChanged | CountRunning):
            platforms_of.append(_platforms_of_change(delivery.message))
        elif isinstance(delivery.message, ListForNeighbour):
            platforms_of.append((_own_unless_stored_here(delivery.message.platform),))
        elif isinstance(delivery.message, RoomState):
            # Units in a room host conferences of all platforms that this site serves.
            platforms_of.append(served_platforms())
        elif isinstance(delivery.message, NumberInUse):
            # Each site has a number registry (UPU) in the data of its own platform, for the numbers of all platforms.
            # While this site serves another site's platform, it also keeps that registry: the other site then passes
            # on the notices to it, with its platform in `via`.
            platforms_of.append((_own_unless_stored_here(delivery.envelope.via),))
        elif isinstance(delivery.message, LookUpNumber):
            platforms_of.append((own_platform(),))
        else:
            platforms_of.append((numbers.get(number) or domains.get(moid) or own_platform(),))
    return platforms_of


def _platforms_of_change(change: DomainChanged | AccountChanged | CountRunning) -> tuple[str, ...]:
    """Return the platforms whose data a change of a domain or account, or a request to count conferences, concerns.

    It is the platform that the message names, else all that have data here. A message for a platform without data here
    goes to our own platform, which refuses it.
    """
    if change.platform is None:
        return possible_platforms()
    return (_own_unless_stored_here(change.platform),)


def _own_unless_stored_here(platform: str) -> str:
    """Return this site's own platform, unless this site stores data of `platform`: then return `platform`."""
    return platform if platform in possible_platforms() else own_platform()


def _number_or_domain_in(delivery: Delivery) -> tuple[str, str]:
    """Return the conference number or user domain that a message names: `(number, "")`, `("", moid)` or `("", "")`."""
    message, body = delivery.message, delivery.parsed or {}
    if isinstance(message, ResourcesGranted | ResourcesRefused):
        try:
            return parse_rms_question(delivery.envelope.correlation_id).e164, ""
        except NotTaken:
            return "", ""
    if isinstance(message, RenameDenied) and not message.e164:
        return parse_rename_question(delivery.envelope.correlation_id).e164, ""
    # A request may ask for a number of another platform, which it will not get: its user domain decides.
    number, moid = body.get("confE164"), body.get("moid")
    if isinstance(number, str) and not isinstance(message, CreateConference | OptionalSettings):
        return number, ""
    return "", moid if isinstance(moid, str) else ""


def platforms_of_numbers(numbers: Collection[str]) -> dict[str, str]:
    """Return number -> platform, for the conference numbers that have a live conference or a known prefix."""
    platform_of: dict[str, str] = {}
    valid = sorted(filter(may_be_number, numbers))
    if not valid:
        return platform_of
    query = f"SELECT live_e164 FROM conferences_conference WHERE live_e164 IN ({sql.marks(valid)})"
    for platform in possible_platforms():
        for (number,) in look_up(platform, query, valid):
            platform_of.setdefault(number, platform)
    prefixes = _known_prefixes()
    for number in valid:
        if number not in platform_of and (
            platform_by_prefix := _platform_by_prefix(number, prefixes)
        ):
            platform_of[number] = platform_by_prefix
    return platform_of


def _platform_by_prefix(number: str, prefixes: dict[str, str]) -> str:
    """Return the platform with the longest prefix that fits a number; "" if none fits."""
    lengths = range(len(number), 0, -1)
    return next(
        (prefixes[number[:length]] for length in lengths if number[:length] in prefixes), ""
    )


def _known_prefixes() -> dict[str, str]:
    """Return number prefix -> platform; the database is read at most every 5 s."""
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
    """Return user domain -> the platform that it is bound to, for those whose platform has data at this site."""
    platform_of: dict[str, str] = {}
    user_domains = sorted(moids)
    if not user_domains:
        return platform_of
    possible = possible_platforms()
    for platform in possible:
        for moid, bound_to in lookups.platforms_of_domains(platform, user_domains).items():
            if bound_to in possible:
                platform_of.setdefault(moid, bound_to)
    return platform_of


# ---- the site that serves a platform, for the HTTP API and the pages --------------------------------


@dataclass(frozen=True, slots=True)
class ServingSite:
    """Another site that serves a platform now (handles its requests): its own platform, and its HTTP address."""

    platform: str
    url: str


def served_elsewhere(platform: str) -> ServingSite | None:
    """Return the other site that serves a platform now (handles its requests); `None` if this site does.

    The result is cached for half a second. It is also `None` while this site opens or hands over the data; a request
    then waits in the dispatcher until that is done. If the data cannot be read here, the platform's own site is
    returned.
    """
    read_at, elsewhere = _elsewhere.get(platform, (0.0, None))
    if time.monotonic() - read_at > _ELSEWHERE_CACHE_SECONDS:
        elsewhere = _read_elsewhere(platform)
        _elsewhere[platform] = (time.monotonic(), elsewhere)
    return elsewhere


def _read_elsewhere(platform: str) -> ServingSite | None:
    """Read and return which other site serves a platform (handles its requests); `None` if this site does."""
    serving = read_unless_away(platform)
    owner = serving.owner if serving else platform
    if owner == own_platform():
        return None
    return ServingSite(owner, lookups.http_url(owner))


def platform_of_domain(domain: str) -> str:
    """Return the platform that a user domain is bound to; our own if that is unknown or has no data here."""
    if len(possible_platforms()) == 1:
        return own_platform()
    return _platforms_of_domains({domain}).get(domain) or own_platform()
