"""The calls under `/api/v1/nms`, by which administrators watch domains, machines and conferences (HTTP API §2.4).

An administrator sees their own domain, the domains below it, and the names of the domains above.
"""

from __future__ import annotations

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from conferences.api import network_shapes as shapes
from conferences.api.call import Call
from conferences.api.resource_calls import resources_of_pool
from conferences.data import queries
from conferences.data.pool_view import Resource
from conferences.rules.states import Conference
from domains.data import network
from domains.data.network import Level
from foundation.cells.directory import own_platform, store_of
from foundation.web.errors import Refusal, ack
from foundation.web.serializers import answers
from wire.fields import Terminal, may_be_number

NOT_ALLOWED, NO_MACHINE = 19003, 12105
MAX_LISTED = 500


class _DomainCall(Call):
    """Define the base of calls about one domain, which the caller must administer."""

    def refuse_unless_administered(self, request: Request, moid: str, *levels: Level) -> None:
        """Raise Refusal unless the caller administers the domain with this MOID, which has one of these levels."""
        if not network.is_seen(self.session(request).account, moid, levels):
            raise Refusal(NOT_ALLOWED, "moid: there is no such domain below yours")

    def machines(self, request: Request, ip: str = "") -> list[Resource]:
        """Return the media units, recorders and mixers of this site; with `ip` only those at this address.

        Raises Refusal.
        """
        self.refuse_unless_administered(request, own_platform(), Level.PLATFORM)
        rows = [row for row in resources_of_pool(own_platform()) if ip in ("", row.unit.ip)]
        if ip and not rows:
            raise Refusal(NO_MACHINE, "moid: there is no such machine")
        return rows


class Domains(Call):
    """The call `nms/domains` lists domains and their machine rooms."""

    @extend_schema(responses={200: answers(shapes.Domains)})
    def get(self, request: Request) -> Response:
        """List the caller's domain, those above it, those below it, and their machine rooms."""
        return ack(domains=network.domains_around(self.session(request).account))


class Physicals(_DomainCall):
    """The call `nms/platform_domains/{moid}/physicals` lists the machines of a platform."""

    @extend_schema(responses={200: answers(shapes.Physicals)})
    def get(self, request: Request, moid: str) -> Response:
        """List the machines of a platform on which media units run; none for another site's platform."""
        self.refuse_unless_administered(request, moid, Level.PLATFORM)
        rows = self.machines(request) if moid == own_platform() else []
        by_ip = {row.unit.ip: row for row in rows}
        return ack(physicals=[_machine_item(row) for row in by_ip.values()])


class PhysicalDetail(_DomainCall):
    """The call `nms/physicals/{moid}/detail` shows one machine."""

    @extend_schema(responses={200: answers(shapes.PhysicalDetail)})
    def get(self, request: Request, moid: str) -> Response:
        """Answer the machine with this address (`moid`) on which media units run."""
        row = self.machines(request, moid)[0]
        names = network.names_of([own_platform()], [row.room])
        return ack(
            **_machine_item(row),
            domain_name=names.get(own_platform(), ""),
            machine_room_name=names.get(row.room, ""),
        )


class Logicals(_DomainCall):
    """The calls `nms/…/logicals` list the media units, recorders and mixers of a machine or platform."""

    @extend_schema(responses={200: answers(shapes.Logicals)})
    def get(self, request: Request, ip: str = "", moid: str = "") -> Response:
        """List the media units, recorders and mixers of a machine (`ip`), or of a platform (`moid`)."""
        if moid:
            self.refuse_unless_administered(request, moid, Level.PLATFORM)
        rows = self.machines(request, ip) if moid in ("", own_platform()) else []
        return ack(logicals=[_unit_item(row) for row in rows])


class MediaResources(_DomainCall):
    """Define the calls that return the media ports of a platform, and how many are in use."""

    @extend_schema(responses={200: answers(shapes.MediaResources)})
    def get(self, request: Request, moid: str = "") -> Response:
        """Answer how many media ports there are, and how many are in use."""
        self.refuse_unless_administered(request, moid or own_platform(), Level.PLATFORM)
        rows = self.machines(request) if moid in ("", own_platform()) else []
        ports = [row.ports for row in rows if row.kind == "mcu"]
        total, used = (
            sum(measure.capacity for measure in ports),
            sum(measure.used for measure in ports),
        )
        return ack(total_port=total, used_port=used)


class Terminals(_DomainCall):
    """The call `nms/user_domains/{moid}/terminals` lists the people of a user domain who have a number."""

    @extend_schema(responses={200: answers(shapes.Terminals)})
    def get(self, request: Request, moid: str) -> Response:
        """List the people of a user domain who have a number; "online" means in a conference, else "offline".

        Raises Refusal unless the caller administers the user domain. A conference names a person by number or by
        name.
        """
        self.refuse_unless_administered(request, moid, Level.USER)
        start, count = self.wanted_rows(request)
        total, rows = network.people_with_numbers(moid, start, count)
        present = {
            terminal.account
            for conference in queries.live_conferences_of_tenant(moid, "", MAX_LISTED).conferences
            for terminal in conference.mts
            if terminal.online
        }
        listed = [
            {**row, "online": _online_word(not present.isdisjoint((row["e164"], row["name"])))}
            for row in rows
        ]
        return ack(total_count=total, terminals=listed)


class OldTerminals(Call):
    """The call `nms/old_terminals` for video terminals of older generations: an empty list, as none can register."""

    @extend_schema(responses={200: answers(shapes.OldTerminals)})
    def get(self, request: Request) -> Response:
        """Answer an empty list: it would hold video terminals of older generations, which cannot register here."""
        return ack(total_count=0, old_terminals=[])


class OnlineStatistic(_DomainCall):
    """Define the call `nms/service_domains/{moid}/terminal_online_statistic`: no statistic of terminals is kept."""

    @extend_schema(responses={200: answers(shapes.Statistic)})
    def get(self, request: Request, moid: str) -> Response:
        """Answer an empty list, because no statistic of registered terminals is kept."""
        self.refuse_unless_administered(request, moid, Level.SERVICE)
        return ack(total_count=0, statistic=[])


class Warnings(_DomainCall):
    """The calls list faults of a machine or a terminal."""

    @extend_schema(responses={200: answers(shapes.Warnings)})
    def get(self, request: Request, moid: str) -> Response:
        """Answer an empty list, because no warnings about single devices are kept; the admin pages show faults."""
        self.machines(request)  # Raises Refusal unless the caller administers this platform.
        return ack(unrepaired_warnings=[])


class Meetings(_DomainCall):
    """The call `nms/service_domains/{moid}/meetings` lists the live conferences of a service domain."""

    @extend_schema(responses={200: answers(shapes.Meetings)})
    def get(self, request: Request, moid: str) -> Response:
        """List the live conferences of the user domains below a service domain."""
        self.refuse_unless_administered(request, moid, Level.SERVICE)
        database = store_of(own_platform()).database
        rows = queries.live_conferences_below(database, moid, MAX_LISTED)
        return ack(meeting=[_meeting_item(conference) for conference in rows])


class MeetingTerminals(_DomainCall):
    """The call `nms/meetings/{conf_id}/terminal_detail` lists the terminals of one conference."""

    @extend_schema(responses={200: answers(shapes.MeetingTerminals)})
    def get(self, request: Request, number: str) -> Response:
        """List the terminals of the conference with this number, if the caller may see its user domain.

        Raises Refusal, which is the same for an unused number.
        """
        conference = queries.live_by_number(number) if may_be_number(number) else None
        if conference is None or not network.is_seen(
            self.session(request).account, conference.user_domain, (Level.USER,)
        ):
            raise Refusal(12103, "conference does not exist")
        return ack(
            terminals=[_terminal_detail(conference, terminal) for terminal in conference.mts]
        )


def _online_word(is_online: bool) -> str:
    """Return the word of the API for a device that is online, or is not."""
    return "online" if is_online else "offline"


def _device_fields(row: Resource) -> dict[str, object]:
    """Return the fields that the API has for machines and for media units alike.

    `row`: a media unit as Redis has it. It is `tired` if contact with it was lost less than 60 s ago; the API then
    calls it "critical" and "offline".
    """
    return {
        "machine_room_moid": row.room,
        "domain_moid": own_platform(),
        "ip": row.unit.ip,
        "warning_level": "critical" if row.tired else "",
        "online": _online_word(not row.tired),
    }


def _machine_item(row: Resource) -> dict[str, object]:
    """Return the machine on which a media unit (`row`) runs, in the form of the API; its load is unknown."""
    load = ("cpu", "portin", "portout", "disk", "memory", "location", "card_pos")
    names = {"moid": row.unit.ip, "guid": row.unit.ip, "name": row.unit.ip, "type": "server"}
    return names | dict.fromkeys(load, "") | _device_fields(row)


def _unit_item(row: Resource) -> dict[str, object]:
    """Return a media unit, recorder or mixer in the form of the API. `row`: the unit as the pool in Redis has it."""
    name = f"{row.kind}:{row.unit}"
    names = {"moid": name, "guid": name, "name": name, "type": row.kind}
    return names | {"p_server_moid": row.unit.ip, "backup_state": ""} | _device_fields(row)


def _meeting_item(conference: Conference) -> dict[str, object]:
    """Return a live conference in the form of the network management API."""
    return {
        "conf_type": 1,
        "name": conference.name,
        "e164": conference.e164,
        "bitrate": conference.bitrate,
        "domain_moid": conference.user_domain,
        "start_time": conference.created_at.isoformat(timespec="seconds"),
        "end_time": conference.ends_at.isoformat(timespec="seconds") if conference.ends_at else "",
        "meeting_terminals": [_terminal_item(conference, terminal) for terminal in conference.mts],
        "telephone_terminals": [],
        "cascades": [],
        "meeting_device": [],
    }


def _terminal_item(conference: Conference, terminal: Terminal) -> dict[str, object]:
    """Return a terminal of a conference as lists of the network management API show it."""
    # A terminal that was called by a number has the number in the place of an account.
    is_number = terminal.type == "e164"
    return {
        "domain_moid": conference.user_domain,
        "name": terminal.name or "",
        "version": "",
        "type": terminal.type or "",
        "moid": "" if is_number else terminal.account or "",
        "e164": terminal.account or "" if is_number else "",
        "ip": terminal.ip or "",
    }


def _terminal_detail(conference: Conference, terminal: Terminal) -> dict[str, object]:
    """Return a terminal of a conference with all fields of the network management API."""
    return {
        **_terminal_item(conference, terminal),
        "isp": 0,
        "nat_ip": "",
        "bitrate": conference.bitrate,
        "primary_video": [],
        "dual_video": [],
    }


_OF_PLATFORM = "nms/platform_domains/<str:moid>"
_OF_SERVICE = "nms/service_domains/<str:moid>"
URLS = [
    path("nms/domains", Domains.as_view()),
    path(f"{_OF_PLATFORM}/physicals", Physicals.as_view()),
    path(f"{_OF_PLATFORM}/logicals", Logicals.as_view()),
    path(f"{_OF_PLATFORM}/mediaresources", MediaResources.as_view()),
    path("nms/physicals/<str:moid>/detail", PhysicalDetail.as_view()),
    path("nms/physicals/<str:ip>/logicals", Logicals.as_view()),
    path("nms/user_domains/<str:moid>/terminals", Terminals.as_view()),
    path("nms/old_terminals", OldTerminals.as_view()),
    path("nms/mediaresources/<str:moid>/portinfo", MediaResources.as_view()),
    path(f"{_OF_SERVICE}/terminal_online_statistic", OnlineStatistic.as_view()),
    path("nms/servers/<str:moid>/unrepaired_warnings", Warnings.as_view()),
    path("nms/terminals/<str:moid>/unrepaired_warnings", Warnings.as_view()),
    path(f"{_OF_SERVICE}/meetings", Meetings.as_view()),
    path("nms/meetings/<str:number>/terminal_detail", MeetingTerminals.as_view()),
    path("nms/statistic/meetingresource", MediaResources.as_view()),
]
