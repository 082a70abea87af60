"""The page on which an operator imports a licence: it is shown, compared, and then loaded."""

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
from licensing.flows.load import preview
from licensing.rules.decisions import HeldLicence, Verdict, when
from licensing.rules.licence_text import BadLicence, Licence, without_whitespace
from wire.licences import MOST_CHARACTERS


class ImportForm(forms.Form):
    """The form takes a pasted text, or a file."""

    text = forms.CharField(
        required=False,
        max_length=2 * MOST_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 6, "placeholder": "CPL1.…", "class": "op-paste"}),
    )
    file = forms.FileField(required=False)

    def clean(self) -> dict[str, Any]:
        """Take the text, or the content of the file in its place."""
        cleaned: dict[str, Any] = super().clean() or {}
        if file := cleaned.get("file"):
            cleaned["text"] = file.read(2 * MOST_CHARACTERS).decode("utf-8", "replace")
        cleaned["text"] = without_whitespace(cleaned.get("text") or "")
        if not cleaned["text"]:
            raise forms.ValidationError(gettext_lazy("Paste a licence, or choose a file."))
        return cleaned


def preview_for_page(text: str) -> dict[str, object]:
    """Return what the page shows about a text. Nothing is changed."""
    try:
        licence, decision = preview(own_platform(), text)
    except BadLicence as error:
        return {"refused": str(error)}
    takes = decision.verdict is Verdict.NEW
    refused = "" if takes else decision.detail
    return {"takes": takes, "refused": refused, "comparison": compare(licence)}


def compare(offered: Licence) -> SafeString:
    """Return a table that compares, line by line, what counts now for a platform with what is offered."""
    held = state_of(offered.platform).held
    now, then = _lines(held), _lines(offered)
    return table(
        ["", _("counts now"), _("offered")],
        [(name, now.get(name, "–"), value) for name, value in then.items()],
    )


def _lines(licence: Licence | HeldLicence | None) -> dict[str, object]:
    if licence is None:
        return {}
    limits = {name.replace("_", " "): value for name, value in asdict(licence.amounts).items()}
    return {
        _("platform"): licence.platform,
        _("issue"): _("evaluation") if getattr(licence, "evaluation", False) else licence.issue,
        _("valid from"): when(licence.valid_from),
        _("valid to"): when(licence.valid_to) if licence.valid_to else _("without end"),
        **limits,
    }
