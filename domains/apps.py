"""The Django app of domains declares its timers, rights, threads and sidebar entries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from foundation.bus.app_config import (
    PlatformAppConfig,
    SidebarEntry,
    SidebarGroup,
    Timer,
    model_entry,
    page_entry,
)
from wire.routes import Routes

if TYPE_CHECKING:
    from foundation.bus.consumer import Consumer
    from foundation.bus.relay import Relay


class DomainsConfig(PlatformAppConfig):
    """The app keeps the tree of domains with its machine rooms and accounts."""

    name = "domains"
    roles = frozenset({"bmc"})
    queues = {"bmc": (Routes.BMC_SYNC.value,)}
    timers = {
        "domains.tasks.ask_again": Timer(
            5, "what a platform has missed of the tree is asked for again"
        ),
        "domains.tasks.trim": Timer(
            600, "changes of the tree are kept for 90 days, 10,000 go at once"
        ),
    }
    rights = """
core domain       | domains.coredomain      | v.c.. | .....   | .....    | ..... | itself
service domain    | domains.servicedomain   | vacd. | vacd.   | .....    | ..... | itself
platform domain   | domains.platformdomain  | vacd. | vacd.   | v.c..    | ..... | itself
user domain | domains.userdomain | vacd. | vacd. | v.... | v.... | itself; a platform's: those bound to it
any domain        | domains.domain          | v.... | v....   | v....    | v.... | itself
backup platform   | domains.backupplatform  | vacd. | v....   | v....    | ..... | the platform that it is the backup of
machine room      | domains.machineroom     | vacd. | vacd.   | vacd.    | ..... | its platform
department        | domains.department      | vacd. | vacd.   | v....    | vacd. | its user domain
account | domains.account | vacdo | vacdo | vacdo | vacdo | its domain; operate: unlock, reset the second factor
API key           | domains.apikey          | vacd. | vacd.   | .....    | vacd. | its domain
application       | domains.application     | vacd. | vacd.   | .....    | v.... | its domain
audit trail       | auditlog.logentry       | v.... | v....   | v....    | v.... | the domain of the one who did it
"""

    def connect(self) -> None:
        """Register what libraries use of this app: scope of admin pages, audit, metrics, checks, feed of changes."""
        from domains.data import metrics, system_checks
        from domains.data.admin_scope import DomainScope
        from domains.data.feed import feed
        from domains.data.unit_of_work import DomainsUnitOfWork
        from foundation.bus.link import FEEDS
        from foundation.bus.unit_of_work import APP_UNITS_OF_WORK
        from foundation.web import health, scoping

        scoping.install(DomainScope())
        APP_UNITS_OF_WORK["domains"] = DomainsUnitOfWork
        FEEDS.connect(feed)
        health.GAUGES.append(metrics.gauges)
        system_checks.install()
        _audit_models()

    def sidebar(self) -> Sequence[SidebarGroup]:
        """Return the sidebar entries of the admin: the tree, access (accounts and keys), and the audit trail."""
        tree = (
            page_entry(_("Tree"), "account_tree", "domains_domain_tree", "domains.view_domain"),
            model_entry(_("All domains"), "search", "domains", "domain"),
            model_entry(_("Service domains"), "folder", "domains", "servicedomain"),
            model_entry(_("Platform domains"), "hub", "domains", "platformdomain"),
            model_entry(_("Machine rooms"), "meeting_room", "domains", "machineroom"),
            model_entry(_("User domains"), "apartment", "domains", "userdomain"),
            _link_to_core(),
        )
        access = (
            model_entry(_("Accounts"), "person", "domains", "account"),
            model_entry(_("Departments"), "groups", "domains", "department"),
            model_entry(_("API keys"), "key", "domains", "apikey"),
            model_entry(_("Applications"), "apps", "domains", "application"),
            model_entry(_("Wrong tries"), "lock_clock", "axes", "accessattempt"),
        )
        audit = (model_entry(_("Audit trail"), "fact_check", "auditlog", "logentry"),)
        return (
            SidebarGroup(20, _("Domains"), tree),
            SidebarGroup(30, _("Access"), access),
            SidebarGroup(90, _("Audit"), audit),
        )

    def threads(self) -> Sequence[Consumer | Relay]:
        """Return the threads of this app.

        They are the consumer of changes of the tree, at a platform, and one feeder (sender of changes) for each
        platform, at the core (the deployment where the tree is edited).
        """
        from domains.flows import sync
        from foundation.bus.link import Feeder
        from foundation.cells.directory import own_platform, store_of

        own = store_of(own_platform())
        threads: list[Consumer | Relay] = []
        if "css" in settings.ROLES:  # a platform, which runs conferences
            threads.append(sync.consumer_in_order(own))
        if "bmc" in settings.ROLES:  # the core
            threads += [Feeder(own, peer) for peer in sorted(settings.PEERS)]
        return threads

    def health_checks(self) -> Mapping[str, Callable[[], str]]:
        """Return the health check that this site's own domain has arrived from the core.

        The core is the deployment that owns the domain tree.
        """
        from domains.data import tree_source

        return {"tree": tree_source.why_own_domain_is_missing}


def _audit_models() -> None:
    """Have each change of domains, machine rooms, accounts and keys written into the audit trail."""
    from domains import models
    from foundation.web import audit

    audit.follow(models.CoreDomain, models.ServiceDomain, models.UserDomain)
    audit.follow(models.PlatformDomain, secret=("broker_url", "redis_url", "database_url"))
    audit.follow(models.MachineRoom, without=("abnormal",))
    audit.follow(models.BackupPlatform)
    audit.follow(models.Department)
    audit.follow(models.Account, secret=("password",), without=("last_login",))
    audit.follow(models.ApiKey, secret=("secret_hash",))
    audit.follow(models.Application, secret=("client_secret",))


def _link_to_core() -> SidebarEntry:
    """Return the sidebar link to the admin of the core, the deployment where the tree is edited.

    It is shown at a site that copies the tree from a core whose address is known (the core itself has role `bmc`).
    """
    address = f"{settings.CORE_URL}/admin/"

    def is_shown(request: object) -> bool:
        """Return whether this deployment copies the tree from a core whose address is known."""
        return bool(settings.CORE_URL and settings.CORE_MOID and "bmc" not in settings.ROLES)

    return SidebarEntry(_("At the core"), "open_in_new", address, is_shown)
