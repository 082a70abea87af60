"""Define the table of administrators' rights, which every admin page checks, and which is printed as docs/rights.md.

An administrator is an account that acts on its own domain and on the domains below. What it may do there with
objects of a model follows from the level of its own domain. A superuser, the operator of the whole deployment, may do
everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from domains.rules.tree import CORE, NAMES, PLATFORM, SERVICE, USER

VERBS = {"v": "view", "a": "add", "c": "change", "d": "delete", "o": "operate"}
EDITING = frozenset({"add", "change", "delete"})

SET_BY_DOMAINS_ABOVE = frozenset(
    {
        "parent",
        "platform",
        "room",
        "small_limit",
        "large_limit",
        "e164_prefix",
        "dr_mode",
        "used",
        "enable_hd",
        "enable_h265",
    }
)
"""Fields of the administrator's own domain that only administrators of the domains above it may set."""

OWN_RIGHTS = frozenset({"domain", "is_staff", "is_superuser", "is_active"})
"""Fields that nobody may change of their own account: its rights, its domain and whether it is active."""

SET_BY_SUPERUSERS = frozenset({"is_superuser"})
"""Fields of accounts that only superusers may set, since nobody may give more rights than they have."""


@dataclass(frozen=True, slots=True)
class RightsRow:
    """A row of the table says what administrators of each level may do with objects of a model.

    `thing` is the model in words. `verbs`: level of the administrator's domain -> verbs. `owner` says, in words, to
    which domain an object belongs.
    """

    thing: str
    model: str
    verbs: Mapping[int, frozenset[str]]
    owner: str


ROWS_BY_MODEL: dict[str, RightsRow] = {}
"""The whole table: model (`app.model`) -> row. Each app declares its rows in its `AppConfig`."""


def declare_rights(rows: str) -> None:
    """Add the rows that an app declares to the table of administrators' rights.

    Each line is a row with the cells

        thing | model | core | service | platform | user | owner, and what "operate" means

    The four cells in the middle are for administrators of each level. Their letters are the initials of the verbs that
    they may do (`VERBS`); a dot stands for a verb that they may not do.
    """
    for line in rows.strip().splitlines():
        row = _parse_row(line)
        ROWS_BY_MODEL[row.model] = row


def _parse_row(line: str) -> RightsRow:
    """Return the row that a line of a declaration describes (see `declare_rights`)."""
    thing, model, core, service, platform, user, owner = (cell.strip() for cell in line.split("|"))
    letters_of = {CORE: core, SERVICE: service, PLATFORM: platform, USER: user}
    verbs = {
        level: frozenset(VERBS[letter] for letter in letters if letter != ".")
        for level, letters in letters_of.items()
    }
    return RightsRow(thing, model, verbs, owner)


def may(level: int | None, verb: str, model: str) -> bool:
    """Return whether administrators of domains of a level may do something with objects of a model in their scope.

    `model` is written `app.model`. A model without a row in the table is for superusers alone.
    """
    row = ROWS_BY_MODEL.get(model)
    return row is not None and level is not None and verb in row.verbs[level]


def permissions(level: int | None) -> frozenset[str]:
    """Return all rights of administrators of a level, each named as Django does: `app.verb_model`.

    `None` stands for an account that is no administrator: it has none.
    """
    no_level = -1  # no row of the table has it
    return frozenset(
        f"{app}.{verb}_{name}"
        for row in ROWS_BY_MODEL.values()
        for verb in row.verbs.get(no_level if level is None else level, ())
        for app, name in [row.model.split(".")]
    )


# ---- the table as docs/rights.md ----------------------------------------------------------------

_HEAD = """# Rights of administrators

Written by `make rights` from what each app declares in its `apps.py`; do not edit. A test says when it is out of date.

An account with "staff" is an administrator of the domain that it belongs to. It acts on that domain
and on what lies below it; what is beside or above does not exist for it: an address typed by hand
answers 404. What it may do follows from the level of its domain. A superuser may do everything.
"""

_RULES = """
## Beyond the table

- What has no row here (lockouts, for instance) is for superusers alone.
- Nobody deletes the own domain, or the own account. Of the own domain these are decided above it:
  {from_above}.
- Nobody changes these of the own account: {own}.
- Only a superuser makes superusers, sees them in lists, or changes them.
- A new administrator, as anything new, belongs to the maker's own domain or one below.
- Where a domain, a platform or a room is chosen, only those in scope are offered; to bind a tenant,
  also the platforms that it may borrow from above.
- Where the tree follows a core (`CORE_MOID`), domains, rooms, backups, accounts and API keys are
  changed at the core alone, whoever asks.
- Over the HTTP API everybody, administrators too, acts for the own domain only: another tenant's
  conference is as unknown as none (12103).
- A message is trusted by the right to publish it (wire protocol); a `moid` in it has to be the one
  of the conference, else it is refused with 29020.
"""


def rights_page() -> str:
    """Return the text of docs/rights.md, the page with the table of administrators' rights."""
    names = (
        ", ".join(f"`{name}`" for name in sorted(fields))
        for fields in (SET_BY_DOMAINS_ABOVE, OWN_RIGHTS)
    )
    from_above, own = names
    return "\n".join([_HEAD, *_table_lines(), ""]) + _RULES.format(from_above=from_above, own=own)


def _table_lines() -> Iterator[str]:
    """Yield the table of administrators' rights as lines of Markdown."""
    levels = (CORE, SERVICE, PLATFORM, USER)
    yield (
        "| thing | "
        + " | ".join(f"{NAMES[level]} administrator" for level in levels)
        + " | whose |"
    )
    yield "|---|" + "---|" * len(levels) + "---|"
    for row in ROWS_BY_MODEL.values():
        cells = (_verbs_in_words(row.verbs[level]) for level in levels)
        yield f"| {row.thing} | " + " | ".join(cells) + f" | {row.owner} |"


def _verbs_in_words(verbs: frozenset[str]) -> str:
    """Return these verbs as a text, in the order of the table; "–" if there are none."""
    return ", ".join(word for word in VERBS.values() if word in verbs) or "–"
