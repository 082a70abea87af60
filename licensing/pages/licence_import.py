"""The page on which an operator brings a licence: looked at, compared, then loaded."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django import forms
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from foundation.cells.directory import own_platform
from foundation.web.admin_base import table
from licensing.data.queries import state_of
from licensing.flows.load import look
from licensing.rules.decisions import Held, Verdict, when
from licensing.rules.licence_text import BadLicence, Licence, tidy
from wire.licences import MOST_CHARACTERS


class ImportForm(forms.Form):
    """A pasted text, or a file."""

    text = forms.CharField(
        required=False,
        max_length=2 * MOST_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 6, "placeholder": "CPL1.…", "class": "op-paste"}),
    )
    file = forms.FileField(required=False)

    def clean(self) -> dict[str, Any]:
        """One of both; what was in a file stands in the text from then on."""
        found: dict[str, Any] = super().clean() or {}
        if file := found.get("file"):
            found["text"] = file.read(2 * MOST_CHARACTERS).decode("utf-8", "replace")
        found["text"] = tidy(found.get("text") or "")
        if not found["text"]:
            raise forms.ValidationError(gettext_lazy("Paste a licence, or choose a file."))
        return found


def look_at(text: str) -> dict[str, Any]:
    """What the page says of a text; nothing is changed."""
    try:
        licence, decision = look(own_platform(), text)
    except BadLicence as wrong:
        return {"refused": str(wrong)}
    takes = decision.verdict is Verdict.NEW
    refused = "" if takes else decision.detail
    return {"takes": takes, "refused": refused, "comparison": compare(licence)}


def compare(offered: Licence) -> SafeString:
    """Line by line: what counts now for its platform, what is offered."""
    held = state_of(offered.platform).held
    now, then = _lines(held), _lines(offered)
    return table(
        ["", _("counts now"), _("offered")],
        [(name, now.get(name, "–"), value) for name, value in then.items()],
    )


def _lines(one: Licence | Held | None) -> dict[str, Any]:
    if one is None:
        return {}
    limits = {name.replace("_", " "): value for name, value in asdict(one.amounts).items()}
    return {
        _("platform"): one.platform,
        _("issue"): _("evaluation") if getattr(one, "evaluation", False) else one.issue,
        _("valid from"): when(one.valid_from),
        _("valid to"): when(one.valid_to) if one.valid_to else _("without end"),
        **limits,
    }
