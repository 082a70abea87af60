"""Create: these rules say whether a conference may begin, on which unit, and who is told (CSS §1.1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from conferences.rules import outgoing
from conferences.rules.states import WARNINGS, Conference, ConferenceState, EndReason, Unit
from conferences.rules.step import Step, nothing
from foundation.bus.outgoing import Outgoing
from foundation.bus.typed_json import read_as, to_json
from licensing.rules.amounts import Amounts
from licensing.rules.limits import Full
from wire.conference_manager import CreateConference, Creator
from wire.error_codes import MEANING, Err
from wire.fields import MAX_MINUTES, InvitedTerminal, Join, Terminal
from wire.resource_pool import ResourcesGranted, ResourcesRefused

RMS_ANSWERS_IN = timedelta(seconds=2)
UNIT_ANSWERS_IN = timedelta(seconds=4)
CREATED_IN = timedelta(seconds=13.5)
"""The specification allows 14 s, and the timer that ends a failed create runs every second."""
MOST_UNITS = 3
"""The most units that are tried in a row; then a create fails, and a restore waits for the next round."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """The facts of a user domain that decide whether it may create a conference."""

    moid: str
    platform: str
    enabled: bool
    hd: bool = True
    h265: bool = True


@dataclass(frozen=True, slots=True)
class Asker:
    """The asker of a conference: the key of its request in the inbox, and how the request came.

    `origin` is `mq` for a message of a conference manager, `http` for the HTTP API.
    """

    request: str
    origin: str = "mq"


def refuse_before_seat(
    request: CreateConference, tenant: Tenant | None, serving: frozenset[str]
) -> tuple[Err, str] | None:
    """Return why this request is refused whatever is free; None means that nothing forbids it."""
    if tenant is None:
        return Err.UNKNOWN_DOMAIN, "moid"
    if tenant.platform not in serving:
        return Err.NOT_SERVED, "moid"
    if not tenant.enabled:
        return Err.DOMAIN_DISABLED, "moid"
    if request.resolution == "1080p" and not tenant.hd:
        return Err.NO_HD, "resolution"
    if request.h265 and not tenant.h265:
        return Err.NO_H265, "h265"
    if not 0 <= request.duration <= MAX_MINUTES:
        return Err.DURATION, f"duration: must lie between 0 and {MAX_MINUTES} minutes"
    return None


_FULL = {
    Full.LICENCE: Err.LICENCE,
    Full.SMALL: Err.SMALL_LIMIT,
    Full.LARGE: Err.LARGE_LIMIT,
    Full.DOMAIN: Err.DOMAIN_LIMIT,
}


def refused(full: Full, wanted: Amounts) -> tuple[Err, str]:
    """Return the error code and the words for a limit that is reached.

    Too few media ports limit the platform's conferences of this size by other means: the code is 29006
    or 29007, and the words say so.
    """
    if full is not Full.PORTS:
        return _FULL[full], ""
    code = Err.LARGE_LIMIT if wanted.large_conferences else Err.SMALL_LIMIT
    return code, (
        f"maxjoinedmt: the licence has no {wanted.media_ports} media ports left;"
        " end a conference, ask for fewer places, or extend the licence"
    )


def decide_create(
    request: CreateConference,
    asker: Asker,
    tenant: Tenant,
    numbers: tuple[str, str, int],
    confid: str,
    now: datetime,
) -> Step:
    """Take the conference in, and ask the RMS for a unit.

    `numbers`: its number (E.164), short number and incarnation.
    """
    creator = request.creator or Creator()
    after = Conference(
        confid=confid,
        e164=numbers[0],
        shortnum=numbers[1],
        incarnation=numbers[2],
        source_platform=tenant.platform,
        user_domain=tenant.moid,
        creator_moid=creator.moid or "",
        creator_name=creator.name or "",
        name=request.name,
        password=request.password or "",
        conftype=request.conftype,
        places=request.places,
        duration=request.duration,
        resolution=request.resolution,
        bitrate=request.bitrate,
        h265=request.h265,
        record=request.record,
        protected=request.protected,
        auto_end=request.auto_end,
        mts=invited(request.mts),
        created_at=now,
        ends_at=now + timedelta(minutes=request.duration) if request.duration else None,
        warned=warned_by(request.duration * 60) if request.duration else 0,
        request=asker.request,
        reqid=request.reqid,
        origin=asker.origin,
        give_up_at=now + CREATED_IN,
        question=1,
        answer_by=now + RMS_ANSWERS_IN,
    )
    return Step("asking the RMS for a unit", None, after, (outgoing.ask_rms(after, "create"),))


def invited(mts: tuple[InvitedTerminal, ...]) -> tuple[Terminal, ...]:
    """Return the terminals to call as members that are not online yet, numbered from 1."""
    return tuple(
        read_as(Terminal, {**to_json(one), "mtid": one.mtid or str(number), "online": 0})
        for number, one in enumerate(mts, 1)
    )


def warned_by(seconds_left: float) -> int:
    """Return the smallest warning, in minutes, whose time has passed already; 0 means none.

    It counts as given, so that no warning comes late.
    """
    return min((w for w in WARNINGS if w * 60 >= seconds_left), default=0)


def decide_refuse(request: CreateConference, asker: Asker, code: str, detail: str = "") -> Step:
    """Answer a request with a NACK; nothing is stored."""
    words = (
        f"{detail}: {MEANING[code]}" if detail and ":" not in detail else detail or MEANING[code]
    )
    refusal = outgoing.create_refused(asker.request, request.reqid, code, words)
    return Step(f"refused {code}: {words}", send=(refusal,))


def decide_create_resources(
    c: Conference,
    reply: ResourcesGranted | ResourcesRefused,
    question: int,
    site: str,
    now: datetime,
) -> Step:
    """Hand the conference to the unit that the RMS granted, or give up.

    `site`: where the unit stands.
    """
    if c.state is not ConferenceState.CREATING or c.question != question or c.unit:
        return nothing("late answer of the RMS; its reservation lapses")
    if isinstance(reply, ResourcesRefused):
        return give_up(c, c.last_code or reply.errcode, now)
    unit = Unit.of(reply.mcu, site)
    if unit is None:
        return give_up(c, c.last_code or Err.NO_RESOURCE, now)
    until = _within(c, now + UNIT_ANSWERS_IN)
    platform = (reply.mcu and reply.mcu.platform) or site
    after = c.place(
        unit, platform, until, vrs=Unit.of(reply.vrs, site), mps=Unit.of(reply.mps, site)
    )
    return Step(f"creating on {unit}", c, after, (outgoing.command(after),))


def decide_unit_took_it(c: Conference, join: Join | None, now: datetime) -> Step:
    """Let the conference run, now that its unit has created it, and tell the asker."""
    after = c.begin_running(join, now)
    messages: tuple[Outgoing, ...] = (
        outgoing.created(after),
        *outgoing.number_in_use(after),
        outgoing.reservation(after, "used"),
    )
    return Step(f"runs on {after.unit}", c, after, messages)


def decide_next_unit(c: Conference, code: str, now: datetime) -> Step:
    """Take the conference off a unit that refused, was silent or died, and ask the RMS for another one.

    The unit is told to drop it. After MOST_UNITS units, or when the time is over, the create fails.
    """
    assert c.unit is not None
    release = (outgoing.drop(c.unit, c.e164, c.incarnation), outgoing.reservation(c, "free"))
    is_enough = len(c.tried) >= MOST_UNITS or (c.give_up_at and c.give_up_at <= now)
    if is_enough:
        failed = give_up(c, code, now)
        return Step(failed.because, c, failed.after, failed.send)
    after = c.unplace(code, _within(c, now + RMS_ANSWERS_IN))
    because = f"{c.unit} did not take it ({code}), asking for another"
    return Step(because, c, after, (*release, outgoing.ask_rms(after, "create")))


def _within(c: Conference, moment: datetime) -> datetime:
    """Return the moment, but none after the asker must have an answer."""
    return min(moment, c.give_up_at or moment)


def give_up(c: Conference, code: str, now: datetime) -> Step:
    """End a conference that never ran, and answer its asker with a NACK."""
    after = c.end(EndReason.CREATE_FAILED, now, code)
    messages: list[Outgoing] = [
        outgoing.create_refused(c.request, c.reqid, code, MEANING.get(code))
    ]
    if c.origin == "http":
        messages.append(outgoing.ended(after))
    if c.unit:
        messages += [outgoing.drop(c.unit, c.e164, c.incarnation), outgoing.reservation(c, "free")]
    return Step(f"create failed ({code})", c, after, tuple(messages))


def decide_ghost(e164: str, incarnation: int, unit: Unit | None) -> Step:
    """Tell a unit to drop a conference that it has taken and that is not wanted there any more."""
    if unit is None:
        return nothing(f"ghost {incarnation} of {e164}, from nobody known")
    dropped = outgoing.drop(unit, e164, incarnation)
    return Step(f"ghost {incarnation} of {e164} on {unit}", send=(dropped,))
