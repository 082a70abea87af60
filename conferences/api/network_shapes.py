"""Define the shapes of answers of the calls under `/api/v1/nms`, for the OpenAPI description only."""

from __future__ import annotations

from foundation.web.shapes import Shape, answer, many, number, shape, string


def _shape(name: str, description: str, *fields: str) -> type[Shape]:
    """Return the shape (a serializer for the API description) of an object whose fields are all strings."""
    return shape(name, description, **{field: string() for field in fields})


_Domain = _shape("DomainRow", "A domain or machine room.", "moid", "parent_moid", "name", "type")
Domains = answer("DomainRows", "Domains and machine rooms.", domains=many(_Domain))
_Physical = _shape(
    "Physical",
    "A machine.",
    *("card_pos", "moid", "guid", "machine_room_moid", "domain_moid", "name", "type", "location"),
    *("ip", "cpu", "portin", "portout", "disk", "memory", "warning_level", "online"),
)
Physicals = answer("Physicals", "Machines.", physicals=many(_Physical))
PhysicalDetail = answer(
    "PhysicalDetail", "A machine.", _Physical, domain_name=string(), machine_room_name=string()
)
_Logical = _shape(
    "Logical",
    "A unit.",
    *("moid", "guid", "machine_room_moid", "p_server_moid", "domain_moid", "name", "type"),
    *("backup_state", "ip", "warning_level", "online"),
)
Logicals = answer("Logicals", "Units.", logicals=many(_Logical))
MediaResources = answer("MediaResources", "Media ports.", total_port=number(), used_port=number())
_Person = _shape(
    "TerminalRow", "A person with a number.", "moid", "domain_moid", "e164", "name", "online"
)
Terminals = answer("TerminalRows", "People.", total_count=number(), terminals=many(_Person))
_Old = _shape("OldTerminal", "A terminal of an older release.", "e164", "type", "ip", "online")
OldTerminals = answer("OldTerminals", "None.", total_count=number(), old_terminals=many(_Old))
_Count = _shape("OnlineCount", "How many are registered.", "domain_moid", "statistic_time")
Statistic = answer("Statistic", "None is kept.", total_count=number(), statistic=many(_Count))
_Warning = _shape("DeviceWarning", "A warning.", "device_moid", "description", "start_time")
Warnings = answer("DeviceWarnings", "None are kept.", unrepaired_warnings=many(_Warning))
_MeetingTerminal = _shape(
    "MeetingTerminal",
    "A terminal.",
    *("domain_moid", "name", "version", "type", "moid", "e164", "ip"),
)
_Meeting = shape(
    "Meeting",
    "A live conference.",
    _shape("MeetingFacts", "Facts.", "name", "e164", "domain_moid", "start_time", "end_time"),
    conf_type=number(),
    bitrate=number(),
    meeting_terminals=many(_MeetingTerminal),
    telephone_terminals=many(_MeetingTerminal),
    cascades=many(_MeetingTerminal),
    meeting_device=many(_MeetingTerminal),
)
Meetings = answer("Meetings", "Live conferences.", meeting=many(_Meeting))
_TerminalDetail = shape(
    "MeetingTerminalDetail",
    "A terminal.",
    _MeetingTerminal,
    isp=number(0, 8),
    bitrate=number(),
    nat_ip=string(),
)
MeetingTerminals = answer("MeetingTerminals", "Terminals.", terminals=many(_TerminalDetail))
