"""The domains as a Django app."""

from django.apps import AppConfig


class DomainsConfig(AppConfig):
    """Who belongs where."""

    name = "domains"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Pages are scoped; what becomes of the tree, of people, of keys goes to the audit trail."""
        from confplatform import audit, scoping
        from confplatform.api import health
        from domains import models, ours
        from domains.scope import DomainScope

        scoping.install(DomainScope())
        _follow_the_core()
        health.PARTS["tree"] = ours.missing

        audit.follow(models.CoreDomain, models.ServiceDomain, models.UserDomain)
        audit.follow(models.PlatformDomain, secret=_ADDRESSES)
        audit.follow(models.MachineRoom, without=("abnormal",))
        audit.follow(models.BackupPlatform)
        audit.follow(models.Account, secret=("password",), without=("last_login",))
        audit.follow(models.ApiKey, secret=("secret_hash",))
        audit.follow(models.Application, secret=("client_secret",))


def _follow_the_core() -> None:
    """Handlers of what the core tells, the feed of what it is told by, and what both count."""
    from confplatform.api import health
    from confplatform.bus.link import FEEDS
    from confplatform.bus.work import SITES
    from domains import checks, flows, metrics
    from domains.feed import feed
    from domains.site import DomainSite

    SITES["domains"] = DomainSite
    FEEDS.append(feed)
    health.MORE.append(metrics.lines)
    checks.install()
    flows.register()


_ADDRESSES = ("broker_url", "redis_url", "database_url")
