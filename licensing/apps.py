"""The Django app `licensing` declares its queues, rights and pages here."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from foundation.bus.app_config import PlatformAppConfig, SidebarGroup, model_entry
from wire.routes import Routes


class LicensingConfig(PlatformAppConfig):
    """The app keeps licences, and counts how much of them is in use."""

    name = "licensing"
    queues = {"css": (Routes.MS_TO_CSS.value,), "bmc": (Routes.BMC_LICENCE.value,)}
    rights = """
licence | licensing.licence | va..o | va..o | va... | ..... | its platform; add: import; operate: revoke
seats             | licensing.quota         | v.... | v....   | v....    | v.... | the domain that holds them
"""

    def connect(self) -> None:
        """Register what other apps use of this one: its part of transactions, metrics, usage, warnings, audit trail."""
        from domains.data import hooks
        from foundation.bus.unit_of_work import APP_UNITS_OF_WORK
        from foundation.web import audit, health
        from licensing import models
        from licensing.data import metrics
        from licensing.data.queries import warning_of
        from licensing.data.unit_of_work import LicensingUnitOfWork
        from licensing.data.usage import measures

        APP_UNITS_OF_WORK["licensing"] = LicensingUnitOfWork
        health.GAUGES.append(metrics.gauges)
        hooks.MEASURES.connect(measures)
        hooks.OPERATOR_WARNINGS.connect(warning_of)
        audit.follow(models.Licence, without=("sealed",))

    def sidebar(self) -> Sequence[SidebarGroup]:
        """Return the sidebar entries of the admin pages of licences and seats (conferences in use)."""
        entries = (
            model_entry(_("Licences"), "license", "licensing", "licence"),
            model_entry(_("Seats"), "event_seat", "licensing", "quota"),
        )
        return (SidebarGroup(40, _("Licensing"), entries),)

    def on_connected(self) -> None:
        """Ask the central site (the core), after each start, for the licences of this site (CSS §4.1)."""
        from foundation.cells.directory import own_platform
        from licensing.flows import publish

        if "css" in settings.ROLES:
            publish.request_licences(own_platform())
