"""The addresses of servers are read from environment variables, with what they ask for about TLS."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import ImproperlyConfigured

from confplatform.settings_parts.site_env import SiteEnv
from foundation import tls

_BY_MARIADB = {
    "ENGINE": "django.db.backends.mysql",
    "CONN_MAX_AGE": 600,
    "CONN_HEALTH_CHECKS": True,
}
_OPTIONS = {
    "charset": "utf8mb4",
    "isolation_level": "read committed",
    "connect_timeout": 3,
    "read_timeout": 30,
    "write_timeout": 30,
    "init_command": "SET sql_mode='STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION', time_zone='+00:00'",
}


class Servers:
    """The addresses of this site's servers, read from the environment.

    Each method raises ImproperlyConfigured for an address with another scheme, or with an option that has no effect.
    """

    def __init__(self, env: SiteEnv) -> None:
        """Take the environment; read TLS_CA_FILE, the authorities that sign our servers' certificates."""
        self._env = env
        self.authorities = env.str("TLS_CA_FILE", default="")
        try:
            if self.authorities:
                tls.client_context(self.authorities)
        except (OSError, ssl.SSLError) as error:
            raise ImproperlyConfigured(
                f"TLS_CA_FILE: {self.authorities} holds no certificates: {error}."
            ) from None

    def url(self, name: str, schemes: tuple[str, ...], default: str) -> str:
        """Return the URL in a variable. For Redis with TLS it names the authorities, as the library wants it."""
        return self._checked(name, self._env.str(name, default=default), schemes)

    def urls(self, name: str, schemes: tuple[str, ...]) -> dict[str, str]:
        """Return the URLs in a variable with several: name -> URL."""
        addresses: dict[str, str] = self._env.dict(name, default={})
        return {key: self._checked(name, url, schemes) for key, url in addresses.items()}

    def database(self, name: str, url: str) -> dict[str, Any]:
        """Return how Django connects to the MariaDB of a URL, which stood in the variable `name`."""
        address = self._env.db_url_config(self._checked(name, url, tls.MARIADB))
        arguments = tls.mariadb_arguments(url, self.authorities)
        self._refuse_missing_file(name, arguments.get("ssl", {}).get("ca", ""))
        return {**address, **_BY_MARIADB, "OPTIONS": {**_OPTIONS, **arguments}}

    def celery_tls(self, url: str) -> dict[str, Any] | None:
        """Return how Celery connects by TLS to the broker of a URL; `None` for a URL without TLS."""
        if not url.startswith("amqps:"):
            return None
        context = {"cafile": self.authorities or None, "check_hostname": True}
        return {"context": context, "server_hostname": None}  # None: that of the URL

    def _checked(self, name: str, url: str, schemes: tuple[str, ...]) -> str:
        """Return a URL that has one of these schemes, and no option without effect."""
        try:
            tls.check_url(url, schemes)
        except ValueError as error:
            raise ImproperlyConfigured(f"{name}: {error}.") from None
        if url.startswith("rediss:") and self.authorities:
            return f"{url}?{urlencode({'ssl_ca_certs': self.authorities})}"
        return url

    def _refuse_missing_file(self, name: str, file: str) -> None:
        """Raise ImproperlyConfigured if a file of authorities is missing: MariaDB's client would say it late and oddly.

        `name`: the variable with the database's URL; `file` "" means that it names none.
        """
        if file and not Path(file).is_file():
            raise ImproperlyConfigured(f"{name}: there is no file {file} (ssl_ca, or TLS_CA_FILE).")
