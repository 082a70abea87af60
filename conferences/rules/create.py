"""Define the rules for creating a conference: whether, on which media unit, and who is notified (CSS §1.1). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from conferences.rules import outgoing
from conferences.rules.decision import Decision, no_change
from conferences.rules.states import (
    WARNINGS,
    Asker,
    Conference,
    ConferenceState,
    EndReason,
    Unit,
)
from foundation.bus.outgoing import Outgoing
from foundation.bus.typed_json import read_as, to_json
from licensing.rules.amounts import Amounts
from licensing.rules.limits import ReachedLimit
from wire.conference_manager import CreateConference, Creator
from wire.conference_settings import ConferenceSettings
from wire.error_codes import MEANING, Err
from wire.fields import MAX_MINUTES, InvitedTerminal, Join, Terminal
from wire.resource_pool import ResourcesGranted, ResourcesRefused

RMS_ANSWERS_IN = timedelta(seconds=2)
UNIT_ANSWERS_IN = timedelta(seconds=4)
CREATED_IN = timedelta(seconds=13.5)
"""A create that takes longer fails. The specification allows 14 s, and the timer that checks it runs every second."""
MAX_UNITS_TRIED = 3
"""After so many units that refused the conference a create fails, and a restore waits for its next attempt."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """Represent the facts of a user domain (tenant) that decide whether it may create a conference."""

    moid: str
    platform: str
    enabled: bool
    hd: bool = True
    h265: bool = True


class AllocatedNumber(NamedTuple):
    """Represent the number (E.164) and short number of a new conference, and its incarnation: how often it was used."""

    e164: str
    shortnum: str
    incarnation: int


class CameFrom(NamedTuple):
    """Represent the template, virtual room or reservation from which a conference is begun: its id and its name.

    `holder`: the name under which its conference number is reserved. `occurrence`: the id of the single meeting, if
    it is a reservation; the conference ends at `ends_at`, also if it begins early or late.
    """

    id: str
    name: str
    holder: str
    occurrence: str = ""
    ends_at: datetime | None = None


class CreateRefusal(NamedTuple):
    """The reason why a conference is not created. `detail` is a field's name, a sentence, or ""."""

    code: Err
    detail: str


def refuse_before_licence(
    request: ConferenceSettings, tenant: Tenant | None, serving: frozenset[str]
) -> CreateRefusal | None:
    """Return why a user domain may not have a conference with these settings; else `None`. Without licences.

    `tenant`: the user domain; `None` means that it is unknown. `serving`: the platforms whose requests this site
    handles.
    """
    if tenant is None:
        return CreateRefusal(Err.UNKNOWN_DOMAIN, "moid")
    if tenant.platform not in serving:
        return CreateRefusal(Err.NOT_SERVED, "moid")
    if not tenant.enabled:
        return CreateRefusal(Err.DOMAIN_DISABLED, "moid")
    if request.resolution == "1080p" and not tenant.hd:
        return CreateRefusal(Err.NO_HD, "resolution")
    if request.h265 and not tenant.h265:
        return CreateRefusal(Err.NO_H265, "h265")
    if not 0 <= request.duration <= MAX_MINUTES:
        detail = f"duration: must lie between 0 and {MAX_MINUTES} minutes"
        return CreateRefusal(Err.DURATION, detail)
    return None


def refuse_served_elsewhere(tenant: Tenant, address: str) -> CreateRefusal:
    """Return the refusal of a user domain whose platform another site serves, that is, handles the requests of.

    It names that site's HTTP address, or the platform if `address` is "".
    """
    return CreateRefusal(
        Err.NOT_SERVED, f"moid: its platform is served at {address or tenant.platform}"
    )


_CODE_OF_LIMIT = {
    ReachedLimit.LICENCE: Err.LICENCE,
    ReachedLimit.SMALL: Err.SMALL_LIMIT,
    ReachedLimit.LARGE: Err.LARGE_LIMIT,
    ReachedLimit.DOMAIN: Err.DOMAIN_LIMIT,
}


def refuse_at_limit(limit: ReachedLimit, required: Amounts) -> CreateRefusal:
    """Return the refusal of a conference that needs these amounts, because a limit of licence or domain is reached.

    The specification has no error code for too few media ports. Then the code is that of the limit of conferences of
    this size (29006 or 29007), and the detail says that ports are missing.
    """
    if limit is not ReachedLimit.PORTS:
        return CreateRefusal(_CODE_OF_LIMIT[limit], "")
    code = Err.LARGE_LIMIT if required.large_conferences else Err.SMALL_LIMIT
    return CreateRefusal(
        code,
        f"maxjoinedmt: the licence has no {required.media_ports} media ports left;"
        " end a conference, ask for fewer places, or extend the licence",
    )


_COPIED_FIELDS = (
    *("name", "conftype", "places", "duration", "resolution", "bitrate", "h265"),
    *("record", "protected", "auto_end", "settings"),
)
"""A new conference has these fields of its request unchanged."""


def decide_create(
    request: CreateConference,
    asker: Asker,
    tenant: Tenant,
    number: AllocatedNumber,
    confid: str,
    now: datetime,
    came_from: CameFrom | None = None,
) -> Decision:
    """Decide to create a conference in the state CREATING, and ask the resource manager (RMS) for a media unit.

    `asker`: who waits for the answer. `number`: the allocated conference number. `came_from`: the template, virtual
    room or reservation from which it is begun; `None` means none.
    """
    creator, members = request.creator or Creator(), to_members(request.mts)
    copied: dict[str, Any] = {name: getattr(request, name) for name in _COPIED_FIELDS}
    ends_at = _planned_end(request, came_from, now)
    after = Conference(
        confid=confid,
        e164=number.e164,
        shortnum=number.shortnum,
        incarnation=number.incarnation,
        source_platform=tenant.platform,
        user_domain=tenant.moid,
        creator_moid=creator.moid or "",
        creator_name=creator.name or "",
        **copied,
        password=request.password or "",
        mts=members,
        chairman=_member_id(request.chairman, members),
        speaker=_member_id(request.speaker, members),
        created_at=now,
        ends_at=ends_at,
        warned=latest_warning_due((ends_at - now).total_seconds()) if ends_at else 0,
        **asker._asdict(),
        stored_id=came_from.id if came_from else "",
        stored_name=came_from.name if came_from else "",
        occurrence=came_from.occurrence if came_from else "",
        give_up_at=now + CREATED_IN,
        question=1,
        answer_by=now + RMS_ANSWERS_IN,
    )
    return Decision("asking the RMS for a unit", None, after, (outgoing.ask_rms(after, "create"),))


def _planned_end(
    request: CreateConference, came_from: CameFrom | None, now: datetime
) -> datetime | None:
    """Return the time at which a new conference ends; `None` means that it has no end."""
    if came_from and came_from.ends_at:
        return came_from.ends_at
    return now + timedelta(minutes=request.duration) if request.duration else None


def to_members(mts: tuple[InvitedTerminal, ...]) -> tuple[Terminal, ...]:
    """Return invited terminals as members of the conference, numbered from 1 and not online yet."""
    return tuple(
        read_as(Terminal, {**to_json(terminal), "mtid": terminal.mtid or str(number), "online": 0})
        for number, terminal in enumerate(mts, 1)
    )


def _member_id(account: str | None, members: tuple[Terminal, ...]) -> str:
    """Return the id in the conference of the member with this account; "" if no member has it."""
    return next(
        (str(member.mtid) for member in members if account and member.account == account), ""
    )


def latest_warning_due(seconds_left: float) -> int:
    """Return the last of the WARNINGS whose time has come, in minutes before the end; 0 means that none has.

    A conference that is created or prolonged counts this warning as given, so that no warning is sent late.
    """
    return min((minutes for minutes in WARNINGS if minutes * 60 >= seconds_left), default=0)


def decide_refuse(asker: Asker, code: str, detail: str = "") -> Decision:
    """Decide to answer a request for a conference with a NACK; nothing is stored.

    `detail`: a field's name, to which the meaning of the code is added, or a whole sentence with a colon.
    """
    text = f"{detail}: {MEANING[code]}" if detail and ":" not in detail else detail or MEANING[code]
    refusal = outgoing.refused_answer(asker, code, text)
    return Decision(f"refused {code}: {text}", send=(refusal,))


def decide_create_resources(
    conference: Conference,
    reply: ResourcesGranted | ResourcesRefused,
    question: int,
    site: str,
    now: datetime,
) -> Decision:
    """Decide to place a new conference on the media unit that the resource manager (RMS) granted, or give up.

    A late reply, to an earlier question than the conference's last one, changes nothing. `question`: the number of
    the question that the reply answers. `site`: the site of the granted unit. If a unit has failed before, the asker
    is told of that failure (`last_code`), as it is nearer to the cause.
    """
    if (
        conference.state is not ConferenceState.CREATING
        or conference.question != question
        or conference.unit
    ):
        return no_change("late answer of the RMS; its reservation lapses")
    if isinstance(reply, ResourcesRefused):
        return give_up_create(
            conference, conference.last_code or reply.errcode, now, conference.last_detail
        )
    unit = Unit.of(reply.mcu, site)
    if unit is None:
        return give_up_create(
            conference, conference.last_code or Err.NO_RESOURCE, now, conference.last_detail
        )
    until = _before_give_up(conference, now + UNIT_ANSWERS_IN)
    platform = (reply.mcu and reply.mcu.platform) or site
    after = conference.place(
        unit, platform, until, vrs=Unit.of(reply.vrs, site), mps=Unit.of(reply.mps, site)
    )
    return Decision(f"creating on {unit}", conference, after, (outgoing.create_or_restore(after),))


def decide_unit_created(conference: Conference, join: Join | None, now: datetime) -> Decision:
    """Decide to let a conference run that its media unit has created, and answer all who asked for it.

    The registries of numbers and the resource manager are told, too. `join`: how people enter it.
    """
    after = conference.begin_running(join, now)
    messages: tuple[Outgoing, ...] = (
        *outgoing.created_answers(after),
        *outgoing.booking_started(after),
        *outgoing.number_in_use(after),
        outgoing.resource_usage(after, "used"),
    )
    return Decision(f"runs on {after.unit}", conference, after, messages)


def decide_next_unit(
    conference: Conference, code: str, now: datetime, detail: str = ""
) -> Decision:
    """Decide to ask for another media unit for a new conference: its unit refused it, did not answer, or was lost.

    The old unit is told to drop the conference. After MAX_UNITS_TRIED units, or when the time is over, the create
    fails. `code`: the error code of the unit's failure. `detail`: the unit's own sentence about it.
    """
    assert conference.unit is not None
    release = (
        outgoing.drop_command(conference.unit, conference.e164, conference.incarnation),
        outgoing.resource_usage(conference, "free"),
    )
    # Each unit that fails costs time, and the asker waits.
    must_give_up = len(conference.tried) >= MAX_UNITS_TRIED or (
        conference.give_up_at and conference.give_up_at <= now
    )
    if must_give_up:
        failed = give_up_create(conference, code, now, detail)
        return Decision(failed.reason, conference, failed.after, failed.send)
    after = conference.unplace(code, _before_give_up(conference, now + RMS_ANSWERS_IN), detail)
    reason = f"{conference.unit} did not take it ({code}), asking for another"
    return Decision(reason, conference, after, (*release, outgoing.ask_rms(after, "create")))


def _before_give_up(conference: Conference, moment: datetime) -> datetime:
    """Return `moment`, or the time at which the create of the conference fails, whichever comes first."""
    return min(moment, conference.give_up_at or moment)


def give_up_create(conference: Conference, code: str, now: datetime, detail: str = "") -> Decision:
    """Decide to end a conference that could not be created and so never ran, and answer its askers with a NACK.

    `code`: the error code. `detail`: the sentence of the media unit that refused it last; "" stands for the meaning of
    the code.
    """
    after = conference.end(EndReason.CREATE_FAILED, now, code)
    messages: list[Outgoing] = [
        *outgoing.refused_answers(conference, code, detail or MEANING.get(code))
    ]
    # An HTTP client may have been answered already that the conference is being started.
    if any(asker.origin == "http" for asker in conference.askers):
        messages.append(outgoing.ended_notice(after))
    if conference.unit:
        messages += [
            outgoing.drop_command(conference.unit, conference.e164, conference.incarnation),
            outgoing.resource_usage(conference, "free"),
        ]
    return Decision(f"create failed ({code})", conference, after, tuple(messages))


def decide_ghost(e164: str, incarnation: int, unit: Unit | None) -> Decision:
    """Decide to tell a media unit to drop a conference that is no longer assigned to it (a "ghost").

    `incarnation`: the number of the assignment by which the unit created it. `unit` is `None` if the sender is
    unknown; then nothing is sent.
    """
    if unit is None:
        return no_change(f"ghost {incarnation} of {e164}, from nobody known")
    command = outgoing.drop_command(unit, e164, incarnation)
    return Decision(f"ghost {incarnation} of {e164} on {unit}", send=(command,))
