"""The domains as a Django app."""

from django.apps import AppConfig


class DomainsConfig(AppConfig):
    """Who belongs where."""

    name = "domains"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Pages are scoped; what becomes of the tree, of people, of keys goes to the audit trail."""
        from domains import models
        from domains.data import tree_source
        from domains.data.admin_scope import DomainScope
        from foundation.web import audit, health, scoping

        scoping.install(DomainScope())
        _follow_the_core()
        health.PARTS["tree"] = tree_source.missing

        audit.follow(models.CoreDomain, models.ServiceDomain, models.UserDomain)
        audit.follow(models.PlatformDomain, secret=_ADDRESSES)
        audit.follow(models.MachineRoom, without=("abnormal",))
        audit.follow(models.BackupPlatform)
        audit.follow(models.Account, secret=("password",), without=("last_login",))
        audit.follow(models.ApiKey, secret=("secret_hash",))
        audit.follow(models.Application, secret=("client_secret",))


def _follow_the_core() -> None:
    """Handlers of what the core tells, the feed of what it is told by, and what both count."""
    from domains import flows
    from domains.data import metrics, system_checks
    from domains.data.feed import feed
    from domains.data.unit_of_work import DomainSite
    from foundation.bus.link import FEEDS
    from foundation.bus.unit_of_work import SITES
    from foundation.web import health

    SITES["domains"] = DomainSite
    FEEDS.append(feed)
    health.MORE.append(metrics.lines)
    system_checks.install()
    flows.register()


_ADDRESSES = ("broker_url", "redis_url", "database_url")
