"""Connections to servers are encrypted by TLS where their URL asks for it.

The scheme asks for it (amqps, rediss, https); for MariaDB, whose URLs have one scheme, the option
`ssl_mode=VERIFY_IDENTITY` does. The server's certificate and its name are checked then. A scheme or an option that
would have no effect is refused, so that nobody believes in an encryption that is not there.
"""

from __future__ import annotations

import ssl
from typing import Any
from urllib.parse import parse_qsl, urlsplit

AMQP = ("amqp", "amqps")
REDIS = ("redis", "rediss", "unix")
HTTP = ("http", "https")
MARIADB = ("mysql",)
VERIFY_IDENTITY = "VERIFY_IDENTITY"
"""The only `ssl_mode` that is taken: the weaker ones let a stranger stand between the two sides."""
SYSTEM_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
"""The authorities that Debian trusts. Only MariaDB's client needs the name of the file."""


class UnusableUrl(ValueError):
    """The exception says what is wrong with the URL of a server; it does not repeat the URL, which holds a password."""


def check_url(url: str, schemes: tuple[str, ...]) -> None:
    """Raise UnusableUrl for a URL that has another scheme, or an option that would have no effect.

    Options are what follows a question mark. An empty URL is taken: the server is not used.
    """
    parts = urlsplit(url)
    if url and parts.scheme not in schemes:
        raise UnusableUrl(f"the scheme is {parts.scheme!r}; write {' or '.join(schemes)}")
    if schemes is MARIADB:
        read_mariadb_options(url)
    elif parts.query and not (parts.scheme == "unix" and parts.query.startswith("db=")):
        encrypted = f"the scheme {schemes[1]} and TLS_CA_FILE are for TLS"
        raise UnusableUrl(f"?{_names(parts.query)} would have no effect; {encrypted}")


def client_context(authorities: str) -> ssl.SSLContext:
    """Return how we connect by TLS: the server's certificate and name are checked.

    `authorities` is a file with the certificates of those who may sign (PEM); "": those whom the system trusts.
    """
    return ssl.create_default_context(cafile=authorities or None)


def mariadb_arguments(url: str, authorities: str) -> dict[str, Any]:
    """Return the arguments for `MySQLdb.connect` that a MariaDB URL's options ask for; none without TLS.

    `authorities` is the file with the certificates of those who may sign, unless the URL names another one by `ssl_ca`.
    Raises UnusableUrl.
    """
    options = read_mariadb_options(url)
    if "ssl_mode" not in options:
        return {}
    file = options.get("ssl_ca") or authorities or SYSTEM_AUTHORITIES
    return {"ssl_mode": VERIFY_IDENTITY, "ssl": {"ca": file}}


def read_mariadb_options(url: str) -> dict[str, str]:
    """Return the options of a MariaDB URL: `ssl_mode` and `ssl_ca`, or none. Raises UnusableUrl for others."""
    query = urlsplit(url).query
    options = dict(parse_qsl(query, keep_blank_values=True))
    if unknown := options.keys() - {"ssl_mode", "ssl_ca"}:
        raise UnusableUrl(
            f"?{', '.join(sorted(unknown))} would have no effect; for TLS write ?ssl_mode={VERIFY_IDENTITY}"
        )
    if options and options.get("ssl_mode") != VERIFY_IDENTITY:
        raise UnusableUrl(f"ssl_mode must be {VERIFY_IDENTITY}: the server's name is checked, too")
    return options


def _names(query: str) -> str:
    """Return the names of the options in the query of a URL, without their values, which may be secret."""
    return ", ".join(sorted(name for name, _ in parse_qsl(query, keep_blank_values=True))) or "…"
