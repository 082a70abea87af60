"""A tree with somebody and something at every place, and who belongs where, by a slow walk in Python.

Crown (core)
  Hill (service)                    Beside (service)
    Dale (service)                    Besidemill (platform)
      Cottage (tenant, on Mill)       Besidehouse (tenant, on Besidemill)
    Mill (platform of this site)      Guest (tenant, on Besidemill; one conference runs on Mill)
    House (tenant, on Mill)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from auditlog.models import LogEntry
from axes.models import AccessAttempt
from django.conf import settings
from django.core.management import call_command
from django.db.models import Model

from conferences.data import row_mapper
from conferences.data.stored_rows import StoredRows
from conferences.models import (
    MeetingRoomArea,
    Number,
    RecordingRule,
    RegisteredNumber,
    Reservation,
    ResourceUnit,
)
from conferences.rules.states import Conference, ConferenceState, Unit
from conferences.rules.stored import Kind, StoredConference
from domains.models import (
    Account,
    ApiKey,
    Application,
    BackupPlatform,
    CoreDomain,
    Department,
    Domain,
    MachineRoom,
    PlatformDomain,
    ServiceDomain,
    UserDomain,
)
from foundation.bus.models import Inbox, Outbox, Parked
from foundation.cells import sql
from im.data import presence_store
from im.models import BalanceServer, Broadcast, Conversation, MediaServer, Plugin
from licensing.models import Licence, Quota
from social.models import OutgoingText
from wire.conference_settings import ConferenceSettings

NOW = datetime.now(UTC)
UPWARD = {
    "Crown": None,
    "Hill": "Crown",
    "Dale": "Hill",
    "Mill": "Hill",
    "House": "Hill",
    "Cottage": "Dale",
    "Beside": "Crown",
    "Besidemill": "Beside",
    "Besidehouse": "Beside",
    "Guest": "Beside",
}
PLATFORM_OF = {
    "House": "Mill",
    "Cottage": "Mill",
    "Besidehouse": "Besidemill",
    "Guest": "Besidemill",
}
ADMINISTRATORS = ("Crown", "Hill", "Mill", "House")
"""One of each kind: core, service, platform and user domain administrator."""


def moid(name: str) -> str:
    """Return the MOID of a domain of the tree."""
    return str(settings.PLATFORM_MOID) if name == "Mill" else f"moid-{name}".lower()


def below(name: str) -> set[str]:
    """Return the MOIDs of a domain and of all below it."""
    names = {name}
    while more := {n for n, up in UPWARD.items() if up in names} - names:
        names |= more
    return {moid(n) for n in names}


def build() -> None:
    """Write it all."""
    _tree()
    call_command("provision", verbosity=0)
    for name in UPWARD:
        _people(name)
    for name in PLATFORM_OF:
        _of_tenant(name)
    for name in ("Mill", "Besidemill"):
        _of_platform(name)
    _conference("guest", "Guest", "Besidemill", "Mill")
    _of_site()


def _tree() -> None:
    kinds: dict[str, type[Domain]] = {"Crown": CoreDomain, "Mill": PlatformDomain}
    kinds |= {"Besidemill": PlatformDomain} | dict.fromkeys(PLATFORM_OF, UserDomain)
    for number, (name, up) in enumerate(UPWARD.items()):
        kind = kinds.get(name, ServiceDomain)
        more: dict[str, Any] = {"e164_prefix": f"88{number}"} if kind is PlatformDomain else {}
        if kind is UserDomain:
            _late.append((name, up))
            continue
        kind.objects.create(moid=moid(name), name=name, parent_id=moid(up) if up else None, **more)
    for name, up in _late:
        on = moid(PLATFORM_OF[name])
        UserDomain.objects.create(
            moid=moid(name), name=name, parent_id=moid(up or ""), platform_id=on
        )
    _late.clear()


_late: list[tuple[str, str | None]] = []


def _people(name: str) -> None:
    """Create an administrator of every domain, and a person of every tenant."""
    admin = Account.objects.create(
        username=f"admin-{name}", domain_id=moid(name), is_staff=True, first_name=name
    )
    LogEntry.objects.filter(object_pk=admin.pk).delete()
    LogEntry.objects.log_create(
        admin, force_log=True, action=LogEntry.Action.ACCESS, actor=admin, changes={}
    )
    presence_store.record_device(admin.moid, "d", "a", NOW.timestamp())
    if name in PLATFORM_OF:
        Account.objects.create(username=f"person-{name}", domain_id=moid(name))
    if name == "House":
        Account.objects.create(
            username="root-Above", domain_id=moid(name), is_staff=True, is_superuser=True
        )


def _of_tenant(name: str) -> None:
    ApiKey.objects.create(key=f"key-{name}", domain_id=moid(name), name=f"key {name}")
    Application.objects.create(name=f"app {name}", domain_id=moid(name), client_type="public")
    Quota.objects.update_or_create(owner=moid(name))
    Conversation.objects.create(kind="group", name=f"chat {name}", domain=moid(name), creator="x")
    Broadcast.objects.create(domain_id=moid(name), by="x", text=f"to {name}")
    _stored(name)
    _conference(f"live-{name}", name, PLATFORM_OF[name], PLATFORM_OF[name])
    Reservation.objects.create(
        bookid=f"book-{name}",
        e164=f"77{len(name)}",
        name=f"book {name}",
        state="live",
        live_e164=f"77{name}"[:16],
        source_platform=moid(PLATFORM_OF[name]),
        user_domain=moid(name),
        starts_at=NOW,
        detail={"settings": {"confname": f"book {name}", "maxjoinedmt": 8, "duration": 60}},
    )
    ended = {"state": ConferenceState.ENDED, "ended_at": NOW, "end_reason": "released"}
    _conference(f"over-{name}", name, PLATFORM_OF[name], PLATFORM_OF[name], **ended)


def _stored(name: str) -> None:
    """Create a department, a template of each sort and a virtual room of a tenant, and the room's registered number."""
    tenant, platform, number = moid(name), moid(PLATFORM_OF[name]), f"77{len(name)}{ord(name[0])}"
    Department.objects.create(moid=f"dept-{name}", domain_id=tenant, name=f"dept {name}")
    for kind in Kind:
        stored = StoredConference(
            id=f"{kind}-{name}",
            kind=kind,
            name=f"{kind} {name}",
            user_domain=tenant,
            source_platform=platform,
            settings=ConferenceSettings(name=name),
            created_at=NOW,
            changed_at=NOW,
            e164=number if kind is Kind.ROOM else "",
        )
        StoredRows("default").save(None, stored)
    if platform == moid("Mill"):  # Another platform's areas lie in its own database.
        MeetingRoomArea.objects.create(user_domain=tenant, area=f"area {name}")
        RecordingRule.objects.create(user_domain=tenant, kept_days=90)
    RegisteredNumber.objects.create(
        e164=number,
        running=False,
        conftype=4,
        name=f"room {name}",
        user_domain=tenant,
        platform=platform,
        state="idle",
        version=1,
        told_at=NOW,
    )


def _of_platform(name: str) -> None:
    MachineRoom.objects.create(moid=f"room-{name}", platform_id=moid(name), name=f"room {name}")
    if name != "Mill":
        BackupPlatform.objects.create(platform_id=moid(name), backup_id=moid("Mill"))
    Quota.objects.update_or_create(owner=moid(name))
    Licence.objects.create(
        platform=moid(name),
        issue=7,
        small_conferences=5,
        large_conferences=5,
        valid_from=NOW - timedelta(days=1),
    )
    ResourceUnit.objects.create(
        restype="mcu", ip=f"unit-{name}", pid="u1", platform=moid(name), registered_at=NOW
    )


def _conference(confid: str, tenant: str, source: str, host: str, **more: Any) -> None:
    values: dict[str, Any] = {
        "confid": confid,
        "e164": f"88{len(confid)}{sum(map(ord, confid))}",
        "name": f"talk {tenant}",
        "source_platform": moid(source),
        "hosting_platform": moid(host),
        "user_domain": moid(tenant),
        "created_at": NOW - timedelta(minutes=5),
        "started_at": NOW - timedelta(minutes=5),
        "state": ConferenceState.RUNNING,
        "unit": Unit(f"unit-{host}", "u1"),
        **more,
    }
    sql.insert(
        "default",
        "conferences_conference",
        row_mapper.COLUMNS,
        [row_mapper.to_row(Conference(**values))],
    )


def _of_site() -> None:
    Number.objects.create(e164="8801", incarnation=1)
    body = {"body": b"{}", "properties": {}}
    Parked.objects.create(id=1, queue="q", reason="r", parked_at=NOW, **body)
    Outbox.objects.create(id=1, exchange="e", routing_key="k", due_at=NOW, **body)
    Inbox.objects.create(key="k", wire_type="T", digest="d", taken_at=NOW)
    BalanceServer.objects.create(server_id="1", local_host1="10.0.0.8", virtual_host1="10.0.0.7")
    MediaServer.objects.create(server_id="1", local_host1="10.0.0.8")
    Plugin.objects.create(name="reply-bot", place="confplatform.processors")
    OutgoingText.objects.create(to="+8613800138000", created_at=NOW)
    AccessAttempt.objects.create(
        username="x", ip_address="10.0.0.9", failures_since_start=1, get_data="", post_data=""
    )


# ---- whose is it --------------------------------------------------------------------------------

Whose = Callable[[Any], Iterable[str | None]]


def _conferences(c: Any) -> Iterable[str]:
    return c.user_domain, c.source_platform, c.hosting_platform


def _kept(stored: Any) -> Iterable[str]:
    return stored.user_domain, stored.source_platform


def _site(_row: Any) -> Iterable[str]:
    return [moid("Mill")]


def _of_domain(row: Any) -> Iterable[str | None]:
    return [] if getattr(row, "is_superuser", False) else [row.domain_id]


def _actor(entry: Any) -> Iterable[str | None]:
    return _of_domain(entry.actor) if entry.actor else []


WHOSE: dict[str, Whose] = {
    "domains.domain": lambda d: [d.moid],
    "domains.coredomain": lambda d: [d.moid],
    "domains.servicedomain": lambda d: [d.moid],
    "domains.platformdomain": lambda d: [d.moid],
    "domains.userdomain": lambda d: [d.moid, d.platform_id],
    "domains.backupplatform": lambda b: [b.platform_id],
    "domains.machineroom": lambda r: [r.platform_id],
    "domains.account": _of_domain,
    "domains.department": _of_domain,
    "domains.apikey": _of_domain,
    "domains.application": _of_domain,
    "licensing.licence": lambda one: [one.platform],
    "licensing.quota": lambda q: [q.owner],
    "conferences.conference": _conferences,
    "conferences.callrecord": _conferences,
    "conferences.recording": lambda r: [r.user_domain, r.source_platform],
    "conferences.reservation": lambda r: [r.user_domain, r.source_platform],
    "conferences.resourceunit": lambda u: [u.platform],
    "conferences.publictemplate": _kept,
    "conferences.personaltemplate": _kept,
    "conferences.virtualroom": _kept,
    "conferences.meetingroomarea": lambda a: [a.user_domain, moid("Mill")],
    "conferences.recordingrule": lambda r: [r.user_domain, moid("Mill")],
    "conferences.registerednumber": lambda n: [n.user_domain, n.platform],
    "conferences.number": _site,
    "bus.parked": _site,
    "bus.outbox": _site,
    "bus.inbox": _site,
    "im.conversation": lambda c: [c.domain],
    "im.listener": _of_domain,
    "im.broadcast": lambda b: [b.domain_id],
    "im.balanceserver": _site,
    "im.mediaserver": _site,
    "im.plugin": _site,
    "social.outgoingtext": _site,
    "auditlog.logentry": _actor,
}
"""The MOIDs of the domains that a row belongs to. What is not here is for superusers alone."""


def relation(row: Model, place: str) -> frozenset[str]:
    """Return where a row lies, as an administrator sees it: own, below, above, beside; empty: nowhere."""
    names = {moid(name): name for name in UPWARD}
    whose = {*WHOSE.get(row._meta.label_lower, lambda _row: [])(row)} - {None}
    return frozenset(_relation(place, names[owner]) for owner in whose if owner)


def _relation(place: str, other: str) -> str:
    if other == place:
        return "own"
    if moid(other) in below(place):
        return "below"
    return "above" if moid(place) in below(other) else "beside"


def belongs(row: Model, place: str) -> bool:
    """Tell whether a row lies at the administrator's domain or below it."""
    return bool(relation(row, place) & {"own", "below"})
