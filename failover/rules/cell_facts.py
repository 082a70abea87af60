"""What a cell's agent knows when it decides, as values. Instants are monotonic seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Mode(StrEnum):
    """Disaster-recovery mode of a platform (CSS 1.2, 2.3)."""

    AUTO = "auto"
    MANUAL = "manual"
    OFF = "off"


class Do(StrEnum):
    """The steps; each may be repeated after a crash at any point."""

    NOTHING = "nothing"
    START_AS_OWNER = "start as owner"
    START_AS_COPY = "start as copy"
    RESTART = "restart"
    FENCE = "fence"
    REBUILD = "rebuild"
    FOLLOW = "follow"
    CLAIM = "claim"
    PROMOTE = "promote"
    PROTECT = "protect"
    GO_ALONE = "go alone"
    OPEN = "open"
    DECLARE = "declare"
    HAND_OVER = "hand over"
    ASK = "ask"
    WITHDRAW = "withdraw"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The register's row of one platform."""

    platform: str
    home: str
    backup: str
    epoch: int
    owner: str
    solo: bool
    forced: bool = False
    mode: Mode = Mode.AUTO
    wish: str = ""
    wish_by: str = ""
    wish_force: bool = False
    wish_fence: bool = False
    """The owner's database is killed and stays down until the other site has taken over."""

    def other(self, site: str) -> str:
        """The cell's other site."""
        return self.backup if site == self.home else self.home


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """This site's own database process of the cell, as last seen."""

    alive: bool = False
    answers: bool = False
    read_only: bool = True
    semi: bool = False
    """Commits wait for the other copy's acknowledgement."""
    attached: bool = False
    """A copy is connected that acknowledges."""
    follows: bool = False
    receiving: bool = False
    applying: bool = False
    trouble: str = ""
    """Why it does not follow, in the server's words."""
    complete: bool = False
    """As a copy: in this life of the process it once had all that the owner had."""
    declared: tuple[str, int] | None = None
    """`(owner, epoch)` as transactions read it; None before the first migration."""
    misfit: str = ""
    """A setting that would lose data, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds, and how many automatic takeovers an hour."""

    solo: float = 1.0
    takeover: float = 3.0
    pulse: float = 10.0
    ask: float = 5.0
    well: float = 60.0
    hung: float = 10.0
    start: float = 60.0
    follow: float = 0.5
    diverged: float = 5.0
    takeovers: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that one decision is made from."""

    me: str
    row: Row | None
    """None: the register is unreachable. That is not the same as "nobody owns it"."""
    last: Row | None = None
    """The row as last read by this life of the agent."""
    takeovers: int = 0
    """Automatic ones of this platform in the last hour."""
    own: Database = field(default_factory=Database)
    started_at: float = 0.0
    answered_at: float = 0.0
    """When the own database last answered."""
    heard_at: float = 0.0
    """When the peer's database last answered."""
    acked_at: float = 0.0
    """As owner: when the copy was last seen to be attached and to acknowledge."""
    followed_at: float = float("-inf")
    """As copy: when it was last told to follow."""
    diverged_at: float | None = None
    """As copy: since when the owner says that we hold transactions that it does not."""
    peer_open: bool = False
    """The other site's database takes writes."""
    served: bool = False
    """The own database was open since it was last a complete copy: its tail may be its own."""
    other_well: bool = False
    """The other site's agent has just said that it could serve: its copy is complete."""
    caught_up: bool = False
    """As owner: the copy has applied all but a moment's work."""
    pulse_at: float | None = None
    """When the serving site's software last counted up; None: it never did."""
    asked_at: float | None = None
    """As copy: when the owner was asked to hand over."""
    well_since: float | None = None
    """As owner: since when the other site could serve."""
    alone: int = 0
    """The epoch under which this life of the agent has won the right to commit alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What to do next, and the one sentence that says what and why."""

    do: Do
    because: str
    row: Row | None = None
    """CLAIM, PROTECT, HAND_OVER, ASK, WITHDRAW: what the register's row shall become."""
    kind: str = ""
    """What the time line calls it."""
    automatic: bool = False
    keep: bool = False
    """START_AS_COPY: with all that is in its log."""
