"""The functions turn answers of the HTTP API from JSON into XML, where a client application wants it (ARCH §8)."""

from __future__ import annotations

from xml.sax.saxutils import escape

import orjson
from django.http import HttpResponseBase
from django.http.response import HttpResponse

from foundation.json_value import JSONValue

SUFFIX = ".xml"
CONTENT_TYPE = "application/xml; charset=utf-8"
_XML = ("application/xml", "text/xml")
_NOT_IN_XML = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF], "\ufffd")
"""Characters that no XML document may have."""


def prefers_xml(accept: str) -> bool:
    """Return whether a header `Accept` prefers XML to JSON. A browser's, which wants a page, does not."""
    weights: dict[str, float] = {}
    for part in accept.lower().split(","):
        kind, _, parameters = part.strip().partition(";")
        weights[kind.strip()] = _weight_of(parameters)
    if "text/html" in weights:
        return False
    xml = max((weights.get(kind, 0.0) for kind in _XML), default=0.0)
    # "application/*" means JSON too, but says less than a type's own name, and so counts half.
    return xml > max(weights.get("application/json", 0.0), weights.get("application/*", 0.0) / 2)


def _weight_of(parameters: str) -> float:
    """Return the weight `q` in the parameters of a media type in `Accept`; 1 without one, 0 if it cannot be read."""
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value.split(";")[0])
    except ValueError:
        return 0.0


def to_xml(value: JSONValue, name: str = "response") -> str:
    """Return a JSON value as an XML element. The entries of a list are elements `item`, `null` is empty."""
    if isinstance(value, dict):
        inner = "".join(to_xml(member, key) for key, member in value.items())
    elif isinstance(value, list):
        inner = "".join(to_xml(entry, "item") for entry in value)
    elif value is None:
        inner = ""
    else:
        text = str(int(value)) if isinstance(value, bool) else str(value)
        inner = escape(text.translate(_NOT_IN_XML))
    # An element's name has no spaces or other signs, and begins with a letter or "_".
    tag = "".join(char if char.isalnum() or char in "_-." else "_" for char in name)
    tag = tag if tag[:1].isalpha() or tag[:1] == "_" else f"_{tag}"
    return f"<{tag}>{inner}</{tag}>"


def turn_into_xml(response: HttpResponseBase) -> None:
    """Replace the JSON content of an answer by XML; any other content stays as it is."""
    is_json = str(response.get("Content-Type", "")).startswith(
        ("application/json", "application/problem+json")
    )
    if not isinstance(response, HttpResponse) or not is_json:
        return
    document = to_xml(orjson.loads(response.content))
    response.content = f'<?xml version="1.0" encoding="UTF-8"?>\n{document}'.encode()
    response["Content-Type"] = CONTENT_TYPE
    if response.has_header("Content-Length"):
        response["Content-Length"] = str(len(response.content))
