"""Instant messaging as a Django app."""

from django.apps import AppConfig
from django.conf import settings


class ImConfig(AppConfig):
    """People's messages, in order, never lost."""

    name = "im"
    verbose_name = "Instant messaging"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Sign-ins end with what has proved them; our part of the topology is declared with the rest."""
        from confplatform.api import health
        from confplatform.bus import declare, waiting
        from domains import uses
        from im import broker, entered, journal, search
        from im.flows import revoke

        if "im" in settings.ROLES:
            uses.SHUT.append(revoke.every)
            uses.ENTERED.append(entered.note)
            waiting.ELSEWHERE.add(journal.DESTINATION)
            declare.MORE.append(broker.declare_and_limit)
            health.MORE.append(search.metrics)
