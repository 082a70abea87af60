"""The form on which an operator imports a licence, and the comparison with the present one before it is loaded."""

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
from licensing.flows.load import preview_licence
from licensing.rules.decisions import StoredLicence, Verdict, moment_in_words
from licensing.rules.licence_text import BadLicence, Licence, without_whitespace
from wire.licences import MAX_CHARACTERS


class ImportForm(forms.Form):
    """The form takes the sealed (signed and encrypted) text of a licence, which is pasted or in a file."""

    text = forms.CharField(
        required=False,
        max_length=2 * MAX_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 6, "placeholder": "CPL1.…", "class": "op-paste"}),
    )
    file = forms.FileField(required=False)

    def clean(self) -> dict[str, Any]:
        """Return the form's values, with `text` from the file if there is one, else as pasted, without whitespace.

        Raises ValidationError if both are empty.
        """
        cleaned: dict[str, Any] = super().clean() or {}
        if file := cleaned.get("file"):
            cleaned["text"] = file.read(2 * MAX_CHARACTERS).decode("utf-8", "replace")
        cleaned["text"] = without_whitespace(cleaned.get("text") or "")
        if not cleaned["text"]:
            raise forms.ValidationError(gettext_lazy("Paste a licence, or choose a file."))
        return cleaned


def preview_for_page(text: str) -> dict[str, object]:
    """Return what the page shows about the licence of a sealed (signed, encrypted) text. Nothing is changed.

    `takes`: whether loading it would succeed. `refused`: why not, or "". `comparison`: a table of
    its values beside those of the present licence.
    """
    try:
        licence, decision = preview_licence(own_platform(), text)
    except BadLicence as error:
        return {"refused": str(error)}
    is_accepted = decision.verdict is Verdict.NEW
    refused = "" if is_accepted else decision.detail
    return {"takes": is_accepted, "refused": refused, "comparison": compare_with_present(licence)}


def compare_with_present(offered: Licence) -> SafeString:
    """Return a table of an offered licence's values beside those of its platform's present licence."""
    current = state_of(offered.platform).licence
    current_values, offered_values = _values_by_label(current), _values_by_label(offered)
    return table(
        ["", _("counts now"), _("offered")],
        [(label, current_values.get(label, "–"), value) for label, value in offered_values.items()],
    )


def _values_by_label(licence: Licence | StoredLicence | None) -> dict[str, object]:
    """Return the values of a licence for a table: label of the row -> value; `{}` for `None`."""
    if licence is None:
        return {}
    limits = {name.replace("_", " "): value for name, value in asdict(licence.amounts).items()}
    return {
        _("platform"): licence.platform,
        _("issue"): _("evaluation") if getattr(licence, "evaluation", False) else licence.issue,
        _("valid from"): moment_in_words(licence.valid_from),
        _("valid to"): moment_in_words(licence.valid_to) if licence.valid_to else _("without end"),
        **limits,
    }
