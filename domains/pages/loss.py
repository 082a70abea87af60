"""What operators lose by disabling domains, in words for the page that asks them to confirm it."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext

from domains.data import hooks, tree_browser
from domains.flows import running
from domains.models import Domain, Level
from domains.pages.admin_widgets import DATABASE


def describe_loss(rows: Sequence[Domain]) -> str:
    """Return a warning with how many domains below, and how many running conferences, disabling affects."""
    below: dict[int, int] = {}
    running_here: dict[str, int] = {}
    for row in rows:
        for level, count in tree_browser.counts_below(DATABASE, row.pk).items():
            below[level] = below.get(level, 0) + count
        for kind, count in hooks.uses_by_kind(hooks.RUNNING_BELOW, DATABASE, row.pk).items():
            running_here[kind] = running_here.get(kind, 0) + count
    below_texts = [f"{Level(level).label}: {count}" for level, count in sorted(below.items())]
    running_texts = [f"{gettext(kind)}: {count}" for kind, count in running_here.items()]
    values = {
        "below": ", ".join(below_texts) or gettext("none"),
        "running": ", ".join(running_texts) or "0",
    }
    text = gettext(
        "No conference can be created there or below from then on. Domains below: %(below)s."
        " Running now: %(running)s; they go on unless you end them."
    )
    return f"{text % values} {_describe_sites(rows)}".rstrip()


def _describe_sites(rows: Sequence[Domain]) -> str:
    """Return how many conferences run in these domains and below at each site that has them; "" if there is none."""
    counts = running.count_running_at_sites([row.pk for row in rows])
    if not counts:
        return ""
    names = dict(Domain.objects.filter(pk__in=counts).values_list("pk", "name"))
    counted = sorted((names[moid], count) for moid, count in counts.items())
    texts = [
        f"{name}: {gettext('no answer') if count is None else count}" for name, count in counted
    ]
    return gettext("Running at sites: %s.") % ", ".join(texts)
