"""Define the rule for the addresses of a platform's servers: pages, headers and connections are made of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,20}://[A-Za-z0-9._~:/?#\[\]@!$&()*+=%-]{1,180}")
"""The characters of a URL, but for those that end a value in a header or a policy (`'`, `,`, `;`)."""


def is_address(text: str) -> bool:
    """Return whether a text is the URL of a server."""
    if not _ADDRESS.fullmatch(text):
        return False
    try:
        parts = urlsplit(text)
        # Reading the port raises ValueError for one that is no number, or too large.
        return bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False


def addresses_of(received: Mapping[str, object], names: Iterable[str]) -> tuple[str, ...]:
    """Return the received addresses of these names, in their order; "" in place of what is no address."""
    values = (received.get(name) for name in names)
    return tuple(value if isinstance(value, str) and is_address(value) else "" for value in values)
