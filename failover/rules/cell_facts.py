"""The facts from which a cell agent decides, and the actions that it can take.

A *cell* is the data of one platform: a database at the platform's home and one at its backup site.
One of them is the *owner* and takes writes; the other is its *copy*, a MariaDB replica. The
*register* at the core says who the owner is.

The owner is *protected* while each commit waits until the copy has acknowledged it
(semi-synchronous replication). It is *unprotected* (the register says `solo`, log lines "alone")
while it commits without waiting: the copy may then lack the last writes, so it must not take over
by itself.

The *workers* of a site are its processes that handle messages and use the database; log lines call
them the site's software.

All moments are monotonic seconds of this machine (`time.monotonic`); no clock of another machine
counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum


class Mode(StrEnum):
    """The disaster-recovery mode of a platform: who decides on a takeover (CSS §1.2, §2.3)."""

    AUTO = "auto"
    MANUAL = "manual"
    OFF = "off"


class Action(StrEnum):
    """An action is what a cell agent does next; each may be repeated after a crash at any point."""

    NOTHING = "nothing"
    START_AS_OWNER = "start as owner"
    START_AS_COPY = "start as copy"
    RESTART = "restart"
    FENCE = "fence"
    REBUILD = "rebuild"
    FOLLOW = "follow"
    WRITE_OWNERSHIP = "write ownership"
    """Write a new epoch (number of the ownership) to the register, with a new owner or as unprotected."""
    PROMOTE = "promote"
    PROTECT = "protect"
    GO_UNPROTECTED = "go unprotected"
    """Let commits no longer wait for the copy."""
    OPEN = "open"
    DECLARE = "declare"
    HAND_OVER = "hand over"
    ASK = "ask"
    WITHDRAW = "withdraw"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterRow:
    """A register row says which site owns the data of one platform; its fields are the table's columns."""

    platform: str
    home: str
    backup: str
    epoch: int
    """A number that grows with each change of owner, and each time the owner becomes unprotected."""
    owner: str
    solo: bool
    """The owner is unprotected: it commits without waiting for the copy, which may lack the last writes."""
    forced: bool = False
    """An operator forced the takeover: writes that the former owner acknowledged may be missing here."""
    mode: Mode = Mode.AUTO
    wish: str = ""
    """The site that is requested to become the owner; empty means no request."""
    wish_by: str = ""
    """Who made the request: an operator's name, or the site whose agent asks for a hand-over."""
    wish_force: bool = False
    """The operator accepts that writes may be missing."""
    wish_fence: bool = False
    """The owner's database is killed and stays down until the other site has taken over."""

    def other(self, site: str) -> str:
        """Return, of the two sites that have the platform's data, the one that is not `site`."""
        return self.backup if site == self.home else self.home

    def without_request(self) -> RegisterRow:
        """Return the register row without its request for another owner, which is fulfilled or withdrawn."""
        return replace(self, wish="", wish_by="", wish_force=False, wish_fence=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """Represent the state of a platform's database process at this site, as it was last read."""

    alive: bool = False
    """The process runs."""
    answers: bool = False
    read_only: bool = True
    semi: bool = False
    """Commits wait for the acknowledgement of a copy (semi-synchronous replication is on)."""
    attached: bool = False
    """A copy that acknowledges is connected to this database."""
    follows: bool = False
    """The database is configured as a copy of the other site's."""
    receiving: bool = False
    """As a copy: the thread that fetches the owner's log is connected."""
    applying: bool = False
    """As a copy: the thread that applies what was fetched runs."""
    trouble: str = ""
    """The error that stops the copying, in the server's words."""
    complete: bool = False
    """As a copy: since its process started it has, at least once, had all that the owner had.

    What a copy had received but not applied is lost when its process dies. Before it is complete
    again, an acknowledged write may therefore be missing, and it must not take over.
    """
    declared: tuple[str, int] | None = None
    """`(owner, number of the ownership)` as transactions read it in this database; None before the first migration."""
    unsafe_setting: str = ""
    """A setting under which acknowledged writes could be lost, in words; empty means none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Represent the limits of patience, in seconds, and the number of automatic takeovers an hour."""

    solo: float = 1.0
    """The owner becomes unprotected when the copy has not acknowledged for so long."""
    takeover: float = 3.0
    """The copy may take over when the owner's database has not answered for so long."""
    pulse: float = 10.0
    """The owner's workers count as dead when their liveness counter has stood still for so long."""
    ask: float = 5.0
    """How long the owner's agent has for a requested hand-over before the copy takes over."""
    well: float = 60.0
    """The home gets its platform back when it could have served for so long,"""
    longest_pause: float = 3600.0
    """or longer after repeated takeovers: the pause doubles with each of them in a day, up to this."""
    hung: float = 10.0
    """A database that has not answered for so long is killed and started again,"""
    start: float = 60.0
    """unless its process is younger than this: it may still be recovering."""
    follow: float = 0.5
    """The least time between two attempts to make the copy connect to the owner."""
    diverged: float = 5.0
    """How long the owner must refuse a copy before the copy counts as diverged."""
    takeovers: int = 1
    """The most automatic takeovers of a platform within an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The facts are all that a cell agent's decision is made from, as the agent of site `me` sees it."""

    me: str
    row: RegisterRow | None
    """`None` means that the register is unreachable, not that nobody owns the cell."""
    last: RegisterRow | None = None
    """The row as this process of the agent last read it."""
    on_time_since: float = float("-inf")
    """Since when this agent has run without being held up; it may have missed answers before that."""
    unchanged_since: float = float("-inf")
    """Since when the register has had the same owner and epoch (number of the ownership), read without a gap."""
    hearing_since: float = float("-inf")
    """Since when the peer's database has answered without a gap."""
    takeovers: int = 0
    """The number of automatic takeovers of this platform in the last hour, asked for by an agent or not."""
    takeovers_today: int = 0
    """The same in the last 24 hours."""
    doubted_since: float | None = None
    """Since when the other site has had, or asks for, this site's own platform; `None`: it does not."""
    own: Database = field(default_factory=Database)
    started_at: float = 0.0
    """When the process of the own database was first seen."""
    answered_at: float = 0.0
    """When the own database last answered."""
    heard_at: float = 0.0
    """When the peer's database last answered."""
    acked_at: float = 0.0
    """As owner: when the copy was last known to be attached and to acknowledge."""
    followed_at: float = float("-inf")
    """As copy: when the agent last made the database follow the owner."""
    diverged_at: float | None = None
    """As copy: since when the owner refuses it, because it holds transactions that the owner does not."""
    peer_open: bool = False
    """The other site's database takes writes."""
    served: bool = False
    """The own database has taken writes since it was last a complete copy.

    The end of its log may therefore hold writes that exist nowhere else.
    """
    other_well: bool = False
    """The other site's agent reported within 5 s that its site serves or could: its workers are alive."""
    vouched_at: float = float("-inf")
    """When the other site's agent last reported that its database answers and takes writes."""
    software_at: float | None = None
    """When this site's workers (its software) were last seen alive; `None` means never."""
    caught_up: bool = False
    """As owner: the copy had, when it last answered, all that was written up to 0.3 s before."""
    pulse_at: float | None = None
    """When the owner's pulse (liveness counter) last grew, or may have grown unseen as this copy lagged.

    `None` means that it was never seen to grow.
    """
    asked_at: float | None = None
    """As copy: when this agent requested the owner to hand over; `None` means it has not."""
    well_since: float | None = None
    """As owner of another site's platform: since when its home could have it back."""
    unprotected_epoch: int = 0
    """The epoch under which this process of the agent has itself won the right to commit unprotected.

    0 means none. Only the agent that has seen its own compare-and-set succeed sets this.
    """

    @property
    def ownership(self) -> str:
        """Return in words which site owns the platform's data, as far as this agent knows."""
        row = self.row or self.last
        return f"{row.owner} owns it, epoch {row.epoch}" if row else "nobody is known to own it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step is the next action of a cell agent, and the one sentence that says what is done and why."""

    action: Action
    because: str
    row: RegisterRow | None = None
    """The register row that the action works with.

    For WRITE_OWNERSHIP, PROTECT, HAND_OVER, ASK and WITHDRAW it is the row that is to be written.
    """
    kind: str = ""
    """The kind of event under which the time line shows the change."""
    automatic: bool = False
    keep: bool = False
    """For START_AS_COPY: keep all that is in its log, even what was never acknowledged."""


def idle_step(because: str) -> Step:
    """Return the step by which a cell agent does nothing now, with the reason for the log."""
    return Step(action=Action.NOTHING, because=because)
