"""Define the addresses of the sites that a join page asks for its conference: if one is down, it asks the next."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from domains.data.lookups import http_urls_with_backups
from foundation.cells.serving import read_unless_away


def site_urls_of(platform: str) -> tuple[str, ...]:
    """Return the HTTP addresses of a platform's own site and of its backup sites."""
    urls = http_urls_with_backups(platform)
    return tuple(url.rstrip("/") for url in urls)


def is_served_here(platform: str) -> bool:
    """Return whether this site handles a platform's requests (serves it); False also if its data cannot be read here.

    Otherwise an old copy of the data could send people to a media unit where the conference no longer runs.
    """
    serving = read_unless_away(platform)
    return serving is not None and serving.is_served_here


def origin_of(url: str) -> str:
    """Return the origin (`scheme://host:port`) of a URL, written as browsers write it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def is_page_of_other_site(request: HttpRequest, urls: tuple[str, ...]) -> bool:
    """Return whether a request comes from a page that another of these sites has served, so without its cookies."""
    origin = request.headers.get("Origin", "")
    is_own = origin in (origin_of(settings.PUBLIC_URL), origin_of(request.build_absolute_uri("/")))
    return not is_own and origin in {origin_of(url) for url in urls}


def allow_pages_of(
    request: HttpRequest, reply: HttpResponse, urls: tuple[str, ...]
) -> HttpResponse:
    """Let scripts of the join pages at these URLs read the reply of a view (CORS).

    Browsers send no cookies with such requests.
    """
    origin = request.headers.get("Origin", "")
    if origin and origin in {origin_of(url) for url in urls}:
        reply["Access-Control-Allow-Origin"] = origin
    patch_vary_headers(reply, ["Origin"])
    return reply
