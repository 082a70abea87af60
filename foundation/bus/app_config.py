"""Each app declares in its `AppConfig` its roles, timers, queues, threads, rights, sidebar entries and health checks.

The project reads each declaration in one loop (`confplatform/declarations.py`).
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol

from django.apps import AppConfig
from django.http import HttpRequest
from django.urls import reverse_lazy

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from foundation.bus.consumer import BatchHandler
    from foundation.bus.protocol import Route


class Timer(NamedTuple):
    """How often a Celery task runs, in seconds, and why so often.

    Each task looks for what is due now, so that a run that is lost or doubled does no harm. Timers of one period run
    one after another; one that waits for servers outside of this site, which may be slow, runs `alone`.
    """

    seconds: float
    reason: str
    alone: bool = False


class WorkerThread(Protocol):
    """A worker thread runs beside the tasks of a worker, from its start until it is stopped."""

    name: str

    def start(self) -> None:
        """Start the thread."""

    def is_alive(self) -> bool:
        """Return whether the thread runs."""

    def ask_to_stop(self) -> None:
        """Ask the thread to finish its present work and end; return at once."""

    def stop(self) -> None:
        """Ask the thread to end, and wait until it has."""


class SidebarEntry(NamedTuple):
    """A sidebar entry is a link in the sidebar of the admin; `allowed` returns whether to show it for a request."""

    title: StrOrPromise
    icon: str
    link: StrOrPromise
    allowed: Callable[[HttpRequest], bool]


class MenuEntry(NamedTuple):
    """Represent a link in the menu that all pages for people (not for administrators) show.

    Links are shown in the order of `position`; `url_name` is the name of the page's URL in Django.
    """

    position: int
    title: StrOrPromise
    url_name: str


class SidebarGroup(NamedTuple):
    """A sidebar group holds links under one heading. Groups are shown in the order of `position`."""

    position: int
    title: StrOrPromise
    entries: Sequence[SidebarEntry]


class PlatformAppConfig(AppConfig):
    """Define the base class of the `AppConfig` of each app, with which the app says what it adds to the project."""

    default_auto_field = "django.db.models.BigAutoField"
    default = False
    """Django takes the one class of an `apps.py` whose `default` is true: the app's own, not this base."""

    def __init_subclass__(cls, **options: object) -> None:
        """Mark the subclass as its module's default, since the module also holds this imported base class."""
        super().__init_subclass__(**options)
        cls.default = True

    roles: ClassVar[frozenset[str]] = frozenset()
    """The roles that this app implements. A deployment has those of the setting ROLES, for instance "css" or "bmc"."""

    timers: ClassVar[Mapping[str, Timer]] = {}
    """Name of a Celery task -> how often it runs."""

    queues: ClassVar[Mapping[str, Sequence[Route]]] = {}
    """Role -> routes of the queues that a deployment with this role consumes, for the app's handlers."""

    rights: ClassVar[str] = ""
    """Rows of the table of administrators' rights, in the form that `domains/rules/rights.py` describes."""

    def ready(self) -> None:
        """Import the modules in the app's folder `flows`, whose message handlers register then, and call `connect`."""
        folder = f"{self.path}/flows"
        for module in pkgutil.iter_modules([folder]):
            import_module(f"{self.name}.flows.{module.name}")
        self.connect()

    def connect(self) -> None:
        """Connect the app's functions to hooks of other apps, which call them then; called once at start-up."""

    def sidebar(self) -> Sequence[SidebarGroup]:
        """Return the groups of links that the app adds to the sidebar of the admin; none by default."""
        return ()

    def menu_entries(self) -> Sequence[MenuEntry]:
        """Return the links that this app adds to the menu of all pages for people; none by default."""
        return ()

    def batch_handlers(self) -> Mapping[str, BatchHandler]:
        """Return handlers of whole batches: queue -> function that gets its messages instead of the dispatcher."""
        return {}

    def threads(self) -> Sequence[WorkerThread]:
        """Return the threads that this app runs in each worker process beside Celery's tasks, not yet started.

        None by default.
        """
        return ()

    def on_connected(self) -> None:
        """React to a new connection to the broker, for instance by requesting messages that this site has missed."""

    def health_checks(self) -> Mapping[str, Callable[[], str]]:
        """Return the checks that must pass before this site can serve: name -> function.

        The function returns "" if all is well, or what is wrong, in words.
        """
        return {}


def model_entry(title: StrOrPromise, icon: str, app: str, model: str) -> SidebarEntry:
    """Return the sidebar entry for the list page of a model, shown to users who may view that model."""
    return page_entry(title, icon, f"{app}_{model}_changelist", f"{app}.view_{model}")


def page_entry(title: StrOrPromise, icon: str, name: str, permission: str = "") -> SidebarEntry:
    """Return the sidebar entry for an admin page. `permission` is needed to see it; "" means none."""

    def allowed(request: HttpRequest) -> bool:
        """Return whether the user has the permission that the page needs."""
        return not permission or bool(request.user.has_perm(permission))

    return SidebarEntry(title, icon, reverse_lazy(f"admin:{name}"), allowed)
