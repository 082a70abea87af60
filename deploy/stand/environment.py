"""The module makes the environment variables of a site's processes, which settings.py reads."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from deploy.stand.cells import CellDatabase, Pair
from deploy.stand.ejabberd import Ejabberd
from deploy.stand.mariadb import MariaDB
from deploy.stand.rabbitmq import CLIENTS_VHOST, RabbitMQ
from deploy.stand.redis import Redis
from deploy.stand.spec import Core, SiteSpec
from deploy.stand.turn import TurnServer
from deploy.stand.vault import Vault


class DescribedSite(Protocol):
    """The attributes of a site from which its environment variables are made; `deploy.stand.site.Site` has them."""

    name: str
    spec: SiteSpec
    vault: Vault
    directory: Path
    library: Path
    core: Core | None
    pair: Pair | None
    mariadb: MariaDB | CellDatabase
    redis: Redis
    rabbitmq: RabbitMQ
    clients_broker: RabbitMQ | None
    turn: TurnServer | None
    xmpp: Ejabberd | None

    @property
    def http(self) -> str:
        """Return the site's public URL."""

    @property
    def followers(self) -> Sequence[DescribedSite]:
        """Return the sites that copy the tree of domains and accounts from this one; none unless it is the core."""


def environment(site: DescribedSite) -> dict[str, str]:
    """Return the environment variables of a site's processes, which the Django settings read."""
    issuer = site.core.vault if site.core else site.vault  # of licences, and of sealed accounts
    return {
        "DJANGO_SETTINGS_MODULE": "confplatform.settings",
        "SECRET_KEY": site.vault.secret_key,
        "DEBUG": "false",
        "LOG_FORMAT": "lines",
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "SITE_NAME": site.name,
        "PLATFORM_MOID": site.vault.platform_moid,
        "ROLES": site.spec.roles,
        "REQUIRE_SECOND_FACTOR": "false",  # a trial begins without an authenticator app
        "DATABASE_URL": site.mariadb.url(),
        "REDIS_URL": site.redis.url(),
        "AMQP_URL": site.rabbitmq.url("/"),
        "CELERY_BROKER_URL": site.rabbitmq.url("celery"),
        "RABBITMQ_MANAGEMENT_URL": site.rabbitmq.management_url,
        "PUBLIC_URL": site.http,
        # All sites share one directory, as they share a storage in production.
        "RECORDINGS": str(site.directory.parent / "recordings"),
        "PROXIES": "1",
        "COOKIE_PREFIX": f"{site.name}_",
        # Documentation addresses: nobody has them, so tests and trials send to nobody.
        "MONITOR_NETWORKS": os.environ.get("MONITOR_NETWORKS", "192.0.2.0/24"),
        # A library loaded into Janus (LD_PRELOAD), without which it uses no loopback interface for media.
        "LO_SHIM": str(site.library / "lo_ifaddrs.so"),
        "LICENSE_PUBLIC_KEY": issuer.license_public,
        "LICENSE_SEALING_KEY": issuer.license_sealing,
        "ACCOUNT_SEALING_KEY": issuer.account_sealing,
        "CORE_MOID": site.core.vault.platform_moid if site.core else "",
        "CORE_URL": site.core.http if site.core else "",
        "PEERS": ",".join(f"{moid}={url}" for moid, url in _brokers_of_peers(site)),
        **_cell_variables(site),
        **_im_variables(site),
        "VAR_DIR": str(site.directory),
        "PROMETHEUS_MULTIPROC_DIR": str(site.directory / "metrics"),
    }


def _im_variables(site: DescribedSite) -> dict[str, str]:
    """Return the environment variables for instant messages: the broker of people's clients, TURN, files, XMPP.

    Returns none if the site has no broker for people's clients.
    """
    broker = site.clients_broker
    if broker is None:
        return {}
    addresses = broker.client_addresses
    return {
        "IM_AMQP_URL": broker.url(CLIENTS_VHOST),
        "IM_MANAGEMENT_URL": broker.management_url,
        "IM_STAGES": "distributed" if site.spec.stages else "local",
        "IM_ADDRESSES": ",".join(f"{name}={url}" for name, url in addresses.items()),
        "TURN_URLS": ",".join(site.turn.urls) if site.turn else "",
        "TURN_SECRET": site.vault.turn,
        # All sites share one directory, as they share a storage in production.
        "IM_FILES": str(site.directory.parent / "im-files"),
        **(site.xmpp.variables if site.xmpp else {}),
    }


def _brokers_of_peers(site: DescribedSite) -> list[tuple[str, str]]:
    """Return the brokers of other sites to which this site connects: (id of the site's platform, URL of the broker)."""
    peers = [(other.vault.platform_moid, other.rabbitmq.url("/")) for other in site.followers]
    return [*peers, (site.pair.other.moid, site.pair.other.broker)] if site.pair else peers


def _cell_variables(site: DescribedSite) -> dict[str, str]:
    """Return the environment variables for the take-over of platforms between sites.

    They name the table of which site serves each platform (the register), and the copy of the other site's data here.
    """
    if not isinstance(site.mariadb, CellDatabase) or site.pair is None:
        own = {"REGISTER_URL": site.mariadb.url()}
        return own if any(other.pair for other in site.followers) else {}
    other = site.pair.other.moid
    return {
        "REGISTER_URL": site.pair.register,
        "CELLS_FILE": str(site.mariadb.file),
        "POSSIBLE_DATABASES": f"{other}={site.mariadb.url(site.mariadb.copy)}",
        # Of this site's own Redis server the database 0 is for the own platform, 1 for the other one.
        "POSSIBLE_REDIS": f"{other}={site.redis.url(1)}",
    }
