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
        from domains.data import hooks
        from foundation.bus import backlog, declare
        from foundation.web import health
        from im.data import broker, conference_joins, journal, search
        from im.flows import revoke

        if "im" in settings.ROLES:
            hooks.REVOKE_CREDENTIALS.connect(revoke.every)
            hooks.PERSON_JOINED.connect(conference_joins.note)
            backlog.ELSEWHERE.add(journal.DESTINATION)
            declare.MORE.append(broker.declare_and_limit)
            health.MORE.append(search.metrics)
