"""Two people with five devices call each other, while notices are lost, doubled and late, and processes die.

Whatever happens, each call has one outcome, which never changes, and of which in the end every device knows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from social.rules.call_start import Begun, Facts, Joined, decide_start
from social.rules.calls import (
    Answered,
    Call,
    CallState,
    Changed,
    Declined,
    Event,
    HungUp,
    MediaEnded,
    MediaFailed,
    MediaReady,
    Rang,
    TimeIsUp,
    decide,
    end_for_device,
    rings,
)
from tests.unit.social.test_calls import NOW, call

PEOPLE = {"anna": ("a1", "a2"), "ben": ("b1", "b2", "b3")}
OWNER = {device: person for person, devices in PEOPLE.items() for device in devices}
OTHER = {"anna": "ben", "ben": "anna"}
DEVICES = st.sampled_from(sorted(OWNER))
ACTS = st.sampled_from(["ring", "answer", "decline", "hangup"])
FATES = st.sampled_from(["deliver", "deliver", "double", "lose"])


@dataclass
class Device:
    """A device knows of each call what the latest notice has told it."""

    known: dict[int, Call] = field(default_factory=dict)

    def hear(self, notice: Call) -> None:
        """Take a notice, unless a later one came before."""
        before = self.known.get(notice.id)
        if before is None or notice.version > before.version:
            self.known[notice.id] = notice


class Calls(RuleBasedStateMachine):
    """The platform's rows, the devices, and the notices that are on their way."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[int, Call] = {}
        self.outcomes: dict[int, tuple[object, ...]] = {}
        self.winners: dict[int, str] = {}
        self.devices = {device: Device() for device in OWNER}
        self.flying: list[tuple[str, Call]] = []
        self.now = NOW

    # ---- the platform ---------------------------------------------------------------------------

    def _store(self, changed: Call) -> None:
        """Commit a change, with the notices to all devices of both people."""
        self.rows[changed.id] = changed
        self.flying += [(device, changed) for device in OWNER]

    def _apply(self, number: int, event: Event, dies: bool = False) -> None:
        """Let an event change a call; a process that dies before the commit changes nothing."""
        decision = decide(self.rows[number], event, self.now)
        if isinstance(decision, Changed) and not dies:
            self._store(decision.call)

    @rule(device=DEVICES, online=st.booleans(), dies=st.booleans())
    def start(self, device: str, online: bool, dies: bool) -> None:
        """Call the other person; the request may be lost with its process."""
        caller = OWNER[device]
        live = [row for row in self.rows.values() if row.is_live]
        times = {"created_at": self.now, "ring_until": self.now + timedelta(seconds=60)}
        new = call(len(self.rows) + 1, caller, OTHER[caller], caller_device=device, **times)
        match decide_start(new, Facts(is_contact=True, is_online=online, live=live)):
            case Begun(begun) if not dies:
                self._store(begun)
            case Joined(other, is_answer=True):
                self._apply(other.id, Answered(caller, device), dies)

    @rule(device=DEVICES, what=ACTS, dies=st.booleans())
    def act(self, device: str, what: str, dies: bool) -> None:
        """Let a device do something to the newest call that it knows of, be it over by now."""
        known = self.devices[device].known
        if not known:
            return
        person, number = OWNER[device], max(known)
        events: dict[str, Event] = {
            "ring": Rang(person),
            "answer": Answered(person, device),
            "decline": Declined(person),
            "hangup": HungUp(person),
        }
        self._apply(number, events[what], dies)

    @rule(seconds=st.integers(0, 90))
    def wait(self, seconds: int) -> None:
        """Let time pass; the timer looks at each call, perhaps twice."""
        self.now += timedelta(seconds=seconds)
        for number in [*self.rows, *self.rows]:
            self._apply(number, TimeIsUp())

    @rule(event=st.sampled_from([MediaReady("8800001", "c"), MediaFailed(), MediaEnded()]))
    def media(self, event: Event) -> None:
        """Let the conference of the newest call come, fail or end."""
        if self.rows:
            self._apply(max(self.rows), event)

    # ---- the network ----------------------------------------------------------------------------

    @rule(place=st.integers(0, 10**6), fate=FATES)
    def notice(self, place: int, fate: str) -> None:
        """Let one notice arrive, in any order, once or twice; or lose it."""
        if not self.flying:
            return
        device, notice = self.flying.pop(place % len(self.flying))
        if fate != "lose":
            self.devices[device].hear(notice)
        if fate == "double":
            self.flying.append((device, notice))

    @rule(device=DEVICES)
    def reload(self, device: str) -> None:
        """Start a device anew; it asks for the calls that have not ended."""
        self.devices[device] = Device()
        self._resync(device)

    def _resync(self, device: str) -> None:
        """Ask the platform, as every device does when its connection is back."""
        known = self.devices[device].known
        for number, row in self.rows.items():
            if row.is_live or number in known:
                self.devices[device].hear(row)

    # ---- what always holds ----------------------------------------------------------------------

    @invariant()
    def outcomes_never_change(self) -> None:
        """Check that a call that has ended stays as it is, and that the device that has answered stays the one."""
        for row in self.rows.values():
            if row.answered_by:
                assert self.winners.setdefault(row.id, row.answered_by) == row.answered_by
            if row.state is CallState.ENDED:
                outcome = (row.reason, row.ended_at, row.ended_by, row.answered_by)
                assert self.outcomes.setdefault(row.id, outcome) == outcome

    @invariant()
    def nobody_is_in_two_calls(self) -> None:
        """Check that each person is kept by at most one call."""
        for person in PEOPLE:
            assert sum(person in row.occupied for row in self.rows.values()) <= 1

    def teardown(self) -> None:
        """Bring all connections back: every device knows every outcome, and none rings for nothing."""
        for device, person in OWNER.items():
            self._resync(device)
            for number, known in self.devices[device].known.items():
                row = self.rows[number]
                assert (known.state, known.reason) == (row.state, row.reason)
                assert rings(known, person) == rings(row, person)
                if row.state is CallState.ACTIVE and person == row.callee.id:
                    is_winner = end_for_device(known, person, device) is None
                    assert is_winner == (device == row.answered_by)


Calls.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestCalls = Calls.TestCase
