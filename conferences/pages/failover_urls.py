"""At which sites a join page may ask where its conference runs: when its own one dies, it asks the next."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from domains.data.lookups import http_urls_with_backups
from foundation.cells.directory import own_platform
from foundation.cells.serving import read_unless_away


def doors_of(platform: str) -> tuple[str, ...]:
    """HTTP addresses of a platform's own site and of its backups."""
    urls = http_urls_with_backups(own_platform(), platform)
    return tuple(url.rstrip("/") for url in urls)


def is_served_here(platform: str) -> bool:
    """Tell whether this site serves a platform; a copy that is away or lags behind does not.

    A page that went by such a copy would send people to a unit where the conference no longer runs.
    """
    serving = read_unless_away(platform)
    return serving is not None and serving.is_served_here


def origin_of(url: str) -> str:
    """As browsers name it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def let_in(request: HttpRequest, reply: HttpResponse, doors: tuple[str, ...]) -> HttpResponse:
    """Pages of these sites may read the reply; a browser sends none of our cookies with them."""
    origin = request.headers.get("Origin", "")
    if origin and origin in {origin_of(url) for url in doors}:
        reply["Access-Control-Allow-Origin"] = origin
    patch_vary_headers(reply, ["Origin"])
    return reply
