"""Values for tests: conferences in every state, a unit of work that holds them, and random conferences."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from conferences.rules.create import Tenant
from conferences.rules.licence_counts import amounts_in_use
from conferences.rules.monitor_states import Monitor
from conferences.rules.open_rename import Rename
from conferences.rules.states import Conference, ConferenceState, Unit
from foundation.bus.message import dumps, loads
from licensing.rules.amounts import EVALUATION, NONE
from licensing.rules.limits import Limits
from tests.memory import MemoryUnitOfWork, TenantFacts
from tests.memory_letter import Letter
from wire.fields import Join, Terminal, WebRtc
from wire.number_registry import UsedUnit
from wire.routes import Routes

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
UNIT, OTHER = Unit("10.0.0.1", site="main"), Unit("10.0.0.2", "b", "main")
NUMBER = "8800001"
_S = ConferenceState


def seconds(count: float) -> timedelta:
    """Return a time of so many seconds."""
    return timedelta(seconds=count)


def conference(state: ConferenceState = _S.RUNNING, **more: Any) -> Conference:
    """Return a conference as it looks in a state."""
    common: dict[str, Any] = {
        "confid": "c1",
        "e164": NUMBER,
        "shortnum": "00001",
        "source_platform": "main",
        "hosting_platform": "main",
        "user_domain": "u1",
        "name": "talk",
        "created_at": NOW - seconds(5),
        "ends_at": NOW + seconds(3600),
        "request": "key-of-create",
        "reqid": "r-create",
        "incarnation": 3,
        "question": 2,
        "state": state,
    }
    ran = {
        "started_at": NOW - seconds(600),
        "unit": UNIT,
        "units": (UsedUnit(ip=UNIT.ip, pid=UNIT.pid, since="then"),),
    }
    shapes: dict[ConferenceState, dict[str, Any]] = {
        _S.CREATING: {
            "unit": UNIT,
            "tried": (UNIT,),
            "answer_by": NOW + seconds(2),
            "give_up_at": NOW + seconds(9),
        },
        _S.RUNNING: {**ran, "placed_at": NOW - seconds(60)},
        _S.PENDING_RESTORE: {
            **ran,
            "pending_since": NOW - seconds(3),
            "answer_by": NOW + seconds(1),
        },
        _S.RESTORING: {
            **ran,
            "tried": (UNIT,),
            "pending_since": NOW - seconds(3),
            "answer_by": NOW + seconds(3),
        },
        _S.ENDED: {**ran, "ended_at": NOW - seconds(1), "end_reason": "released"},
    }
    return Conference(**{**common, **shapes[state], **more})


def monitor(**more: Any) -> Monitor:
    """Return a monitor of a conference's mixed sound that is sent, and was kept alive just now."""
    usual: dict[str, Any] = {"ip": "192.0.2.7", "port": 6000, "mode": 1, "running": True}
    return Monitor(**{**usual, "due_at": NOW + seconds(60), **more})


def memory_unit_of_work(*existing: Conference, now: datetime = NOW) -> MemoryUnitOfWork:
    """Return a unit of work in memory with these conferences, and a tenant `u1`."""
    facts = {"u1": TenantFacts(tenant=Tenant("u1", "main", True))}
    licence = Limits(8, 2, now - seconds(1), None, EVALUATION)
    unit_of_work = MemoryUnitOfWork(now=now, own_site="main", licence=licence, facts=facts)
    for c in existing:
        unit_of_work.conferences[c.confid] = c
        unit_of_work.numbers[c.e164] = (c.incarnation, c.live)
        if c.live:
            unit_of_work.live[c.e164] = c
            unit_of_work.count(c.user_domain, NONE, amounts_in_use(c))
    return unit_of_work


def letter(body: dict[str, Any], *, app_id: str = "", correlation_id: str = "") -> Letter:
    """Return a message as it arrives."""
    return Letter(
        body=dumps(body),
        exchange="",
        key="",
        app_id=app_id,
        correlation_id=correlation_id,
        sent_at=NOW,
    )


def hear(
    unit_of_work: MemoryUnitOfWork,
    body: dict[str, Any],
    queue: Routes = Routes.UNIT_TO_CSS,
    **more: Any,
) -> None:
    """Deliver a message to a unit of work."""
    sent = replace(letter(body, **more), sent_at=unit_of_work.now)
    unit_of_work.take(sent, queue.value.queue, unit_of_work.now)


def book(unit_of_work: MemoryUnitOfWork, **fields: Any) -> dict[str, Any]:
    """Book a conference of tenant `u1` that begins in an hour, unless told otherwise; return the answer."""
    usual = {
        "type": "CM_MAU_ADDBOOKCONF_REQ",
        "reqid": f"book-{len(unit_of_work.inbox)}",
        "moid": "u1",
        "creator": {"moid": "p1", "name": "Anna"},
        "confname": "Weekly",
        "duration": 60,
        "starttime": (unit_of_work.now + timedelta(hours=1)).isoformat(),
    }
    hear(unit_of_work, {**usual, **fields}, Routes.CM_TO_CSS)
    answer: dict[str, Any] = loads(unit_of_work.outgoing[0].body)
    return answer


def unit_accepts(unit_of_work: MemoryUnitOfWork, number: str, *, no_unit: bool = False) -> None:
    """Let the resource manager grant a unit, and the unit accept the conference; or let there be no unit."""
    c = unit_of_work.live[number]
    granted = {} if no_unit else {"mcu": {"ip": UNIT.ip}}
    mark = f"create:{number}:{c.source_platform}:{c.question}"
    hear(unit_of_work, {"type": "GET_RES_ACK", **granted}, Routes.RMS_TO_CSS, correlation_id=mark)
    if not no_unit:
        accepted = {"confE164": number, "incarnation": c.incarnation}
        body = {"type": "MCU_MAU_CREATECONF_ACK", **accepted}
        hear(unit_of_work, body, app_id=f"cmu@{UNIT.ip}")


# ---- random conferences -------------------------------------------------------------------------

_monitors = st.lists(
    st.builds(
        monitor,
        port=st.integers(6000, 6003),
        mtid=st.sampled_from(("", "1", "2")),
        running=st.booleans(),
        over_http=st.booleans(),
        due_at=st.integers(-4000, 4000).map(lambda tenths: NOW + seconds(tenths / 10)),
    ),
    max_size=3,
    unique_by=lambda drawn: drawn.port,
).map(tuple)
units = st.sampled_from((UNIT, OTHER, Unit("10.0.0.3", "x1", "main")))
_moments = st.integers(-4000, 4000).map(lambda tenths: NOW + seconds(tenths / 10))
_wishes = st.builds(
    Rename,
    question_id=st.just("ask-1"),
    name=st.text(min_size=1, max_size=8),
    request_key=st.just("key-of-rename"),
    reqid=st.none() | st.just("r-rename"),
    answer_by=_moments,
)
_members = st.lists(
    st.builds(Terminal, mtid=st.sampled_from("123"), online=st.sampled_from((0, 1))), max_size=3
).map(tuple)


@st.composite
def conferences(draw: st.DrawFn) -> Conference:
    """Draw any conference that the moves can lead to, at any age."""
    state = draw(st.sampled_from(ConferenceState))
    more: dict[str, Any] = {
        "ends_at": draw(st.none() | _moments),
        "places": draw(st.sampled_from((8, 32))),
        "warned": draw(st.sampled_from((0, 10, 5, 1))),
        "protected": draw(st.booleans()),
        "auto_end": draw(st.booleans()),
        "empty_since": draw(st.none() | _moments),
        "mts": draw(_members),
        "origin": draw(st.sampled_from(("mq", "http"))),
        "vrs": draw(st.none() | units),
        "monitors": draw(_monitors) if state not in (_S.CREATING, _S.ENDED) else (),
        "join": draw(st.none() | st.just(Join(webrtc=WebRtc(url="x")))),
    }
    if state in (_S.CREATING, _S.RESTORING):
        more["answer_by"] = draw(_moments)
        more["tried"] = tuple(draw(st.lists(units, min_size=1, max_size=3)))
        more["unit"] = more["tried"][-1]
        more["give_up_at"] = draw(_moments) if state is _S.CREATING else None
        if state is _S.CREATING and draw(st.booleans()):
            more["unit"] = None
    if state is _S.PENDING_RESTORE:
        more["answer_by"] = draw(st.none() | _moments)
        more["restore_at"] = draw(_moments) if more["answer_by"] is None else None
        more["unit"] = draw(st.none() | units)
    if state is _S.RUNNING:
        more["rename"] = draw(st.none() | _wishes)
    return conference(state, **more)
