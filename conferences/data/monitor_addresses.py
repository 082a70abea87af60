"""The module decides to which IP addresses media units of this site may send monitors (setting MONITOR_NETWORKS).

Otherwise a client could have packets sent to anybody, also to the site's own servers.
"""

from __future__ import annotations

import logging
import socket
from functools import cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings

from foundation.cells import sql
from foundation.cells.directory import own_platform, store_of

log = logging.getLogger("conferences.monitors")

_NOT_ALLOWED = "operators have not allowed this address (MONITOR_NETWORKS)"


def why_not_allowed(ip: str) -> str:
    """Return why no monitor (a terminal's sound or picture as RTP) may be sent to an IP address; "" if it may."""
    address = ip_address(ip)
    if not any(address in network for network in settings.MONITOR_NETWORKS):
        log.warning("no monitor is sent to %s: %s", ip, _NOT_ALLOWED)
        return _NOT_ALLOWED
    if ip in _server_addresses() or _is_unit(ip):
        log.warning("no monitor is sent to %s, one of the site's own servers", ip)
        return "one of the platform's own servers has this address"
    return ""


def _is_unit(ip: str) -> bool:
    """Return whether a media unit, recorder or mixer of this site has this address."""
    query = "SELECT 1 FROM conferences_resourceunit WHERE ip=%s LIMIT 1"
    return bool(sql.select(store_of(own_platform()).database, query, [ip]))


@cache
def _server_addresses() -> frozenset[str]:
    """Return the IP addresses of all servers that the settings name; host names are resolved once."""
    urls = [
        *(settings.AMQP_URL, settings.REDIS_URL, settings.IM_AMQP_URL, settings.REGISTER_URL),
        *(settings.PUBLIC_URL, settings.RABBITMQ_MANAGEMENT_URL, settings.IM_MANAGEMENT_URL),
        *(settings.CORE_URL, settings.CELERY_BROKER_URL, *settings.IM_ADDRESSES.values()),
        *settings.PEERS.values(),
        *(redis_url for _, redis_url in settings.PLATFORM_STORES.values()),
    ]
    hosts = {urlsplit(url).hostname or "" for url in urls}
    hosts |= {str(database.get("HOST") or "") for database in settings.DATABASES.values()}
    return frozenset(address for host in hosts if host for address in _addresses_of(host))


def _addresses_of(host: str) -> set[str]:
    """Return the IP addresses of a host; the empty set if its name is unknown."""
    try:
        return {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
    except OSError as error:
        log.warning("%s has no address: %s", host, error)
        return set()
