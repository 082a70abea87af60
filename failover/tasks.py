"""The periodic tasks of failover; each only asks whether this process has the role, and calls a flow."""

from __future__ import annotations

from celery import shared_task
from django.conf import settings

from failover.flows import platforms, recovery_mode, rooms
from foundation.cells.directory import own_platform
from foundation.cells.serving import for_each_served


@shared_task
def beat() -> None:
    """Do nothing: the task stays because a timer process of an earlier version may still send it."""


@shared_task
def watch() -> None:
    """Let the platform management (PMS) check machine rooms, and publish which states have changed.

    It does nothing without that role at this site.
    """
    if "pms" in settings.ROLES:
        rooms.update_rooms(own_platform())


@shared_task
def publish_states() -> None:
    """Let the platform management (PMS) publish which states of platforms have changed.

    They stand in the register at the core, which may be out of reach. It does nothing without that role at this site.
    """
    if "pms" in settings.ROLES:
        platforms.publish_changes(own_platform())


@shared_task
def ask() -> None:
    """Make up for lost notices about platforms and machine rooms between platform management (PMS) and scheduler (CSS).

    A scheduler asks the PMS for the state of the platforms, and moves conferences off the media units in machine rooms
    that are not to be used (abnormal). The PMS sends notices again that the scheduler has not recorded.
    """
    if "css" in settings.ROLES:
        platforms.request_states(own_platform())
        for_each_served(rooms.move_off_abnormal_rooms)
    if "pms" in settings.ROLES:
        rooms.repeat_notices(own_platform())


@shared_task
def ask_more() -> None:
    """Ask the platform management (PMS) for platforms' states between runs of `ask`, while another site serves one."""
    if "css" in settings.ROLES and platforms.is_any_abnormal(own_platform()):
        platforms.request_states(own_platform())


@shared_task
def follow_modes() -> None:
    """Copy the recovery modes of the domain tree to the register of owners, if this site is the core.

    The core is the deployment at which domains are changed; the register says which site serves which platform.
    """
    if "bmc" in settings.ROLES:
        recovery_mode.copy_modes()
