"""Timers, three lines each: who asks, and the one flow that is asked."""

from __future__ import annotations

from celery import shared_task
from django.conf import settings

from failover.flows import platforms, recovery_mode, rooms
from foundation.cells.directory import own_platform
from foundation.cells.serving import for_each_served


@shared_task
def beat() -> None:
    """Do nothing: a scheduler of an earlier version still sends this. See `failover.data.heart`."""


@shared_task
def watch() -> None:
    """Let the PMS look at rooms and platforms."""
    if "pms" in settings.ROLES:
        rooms.watch(own_platform())
        platforms.publish_changes(own_platform())


@shared_task
def ask() -> None:
    """CSS asks the PMS, and that tells again of rooms: a lost notice does no harm."""
    if "css" in settings.ROLES:
        platforms.ask(own_platform())
        for_each_served(rooms.leave_again)
    if "pms" in settings.ROLES:
        rooms.remind(own_platform())


@shared_task
def ask_more() -> None:
    """Ask the PMS twice as often while a platform is abnormal (CSS §2.2)."""
    if "css" in settings.ROLES and platforms.is_abnormal(own_platform()):
        platforms.ask(own_platform())


@shared_task
def follow_modes() -> None:
    """Write the recovery modes of the tree to the register, at the core."""
    if "bmc" in settings.ROLES:
        recovery_mode.follow()
