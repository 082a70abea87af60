"""The table of all calls of the open platform API, documented or seen in a client, in the order of their pages.

A row says what a call is sent, and what has to come of it: an effect (0), or the documented code of its refusal.
`{conf}` and the like stand for values of the conference on which `test_calls` walks the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

EFFECT = 0
Arguments = Mapping[str, Any]
Row = tuple[str, str, Arguments, int]


@dataclass(frozen=True, slots=True)
class Call:
    """A call: its group, method, path below `/api/v1/` (below `/` if it begins so), arguments and outcome.

    `user` is the account that makes it. `elsewhere`: another table of tests has its effect, so that here it need
    only be there.
    """

    group: str
    method: str
    path: str
    arguments: Arguments = field(default_factory=dict)
    outcome: int = EFFECT
    user: str = "anna"
    elsewhere: bool = False

    @property
    def shown_path(self) -> str:
        """Return the path as the page shows it."""
        return self.path if self.path.startswith("/") else f"/api/v1/{self.path}"


P = "vc/confs/{conf}"
MT: Arguments = {"mts": [{"mt_id": "{mt}"}]}
MEMBERS: Arguments = {"members": [{"mt_id": "{mt}"}, {"mt_id": "{mt2}"}]}
COMPOSED: Arguments = {
    "mode": 1, "layout": 2, "voice_hint": 0, "broadcast": 1, "show_mt_name": 1,
    "members": [{"chn_idx": 0, "member_type": 1, "mt_id": "{mt}"}, {"chn_idx": 1, "member_type": 2}],
}  # fmt: skip
OWN_PICTURE: Arguments = {
    "mode": 1, "layout": 1, "voice_hint": 0, "show_mt_name": 1,
    "members": [{"chn_idx": 0, "member_type": 1, "mt_id": "{mt2}"}],
}  # fmt: skip
POLL: Arguments = {"mode": 1, "num": 0, "keep_time": 10, **MEMBERS}
WALL: Arguments = {"hdu_id": "1_1", "mode": 1, "layout": 1, "show_mt_name": 0}
VIEW: Arguments = {"mode": 1, "src": {"type": 1, "mt_id": "{mt}"}, "dst": {"mt_id": "{mt2}"}}
RECORDER: Arguments = {
    "video_name": "walk", "recorder_type": 1, "publish_mode": 0, "watermark": 0, "anonymous": 0,
    "recorder_mode": 1, "main_stream": 1, "dual_stream": 0, "vrs_id": "",
}  # fmt: skip
MONITOR: Arguments = {
    "mode": 0,
    "src": {"type": 1, "mt_id": "{mt}"},
    "dst": {"ip": "127.0.0.1", "port": 9000},
}

SYSTEM: list[Row] = [
    ("POST", "system/token", {"oauth_consumer_key": "{key}", "oauth_consumer_secret": "{secret}"}, 0),
    ("POST", "system/token/{token}/heartbeat", {}, 0),
    ("POST", "system/login", {"username": "{user}", "password": "{password}"}, 0),
    ("POST", "system/heartbeat", {}, 0),
    ("GET", "/api/system/version", {}, 0),
]  # fmt: skip
MC: list[Row] = [
    ("POST", "mc/confs", {"name": "walk", "duration": 60}, 0),
    ("DELETE", "mc/confs/{conf2}", {}, 0),
    ("GET", "mc/resources", {}, 0),
    ("GET", "mc/platforms", {}, 0),
    ("GET", "mc/meeting_room_areas", {}, 0),
    ("POST", "mc/meeting_room_areas", {"area": "North"}, 0),
    ("POST", "mc/meeting_room_areas/{area}", {"area": "South"}, 0),
    ("DELETE", "mc/meeting_room_areas/{area}", {}, 0),
    ("POST", "mc/meeting_files/{meeting}", {}, 20005),
    ("GET", "mc/meeting_files/{meeting}", {}, 0),
    ("DELETE", "mc/meeting_files/1", {}, 24106),
    ("GET", "/api/mc/version", {}, 0),
]
STORED: list[Row] = [
    *((method, f"mc/{kind}_templates{path}", {}, 0)
      for kind, paths in (
          ("personal", ("", "/{template}", "/{template}/simple", "/{template}/invite_members",
                        "/{template}/mix", "/{template}/vmp", "/{template}/poll", "/{template}/vip")),
          ("public", ("", "/{template}")))
      for path in paths
      for method in {"": ("GET", "POST"), "/{template}": ("GET", "POST", "DELETE")}.get(path, ("GET",))),
    ("GET", "mc/virtual_meeting_rooms", {}, 0),
    ("POST", "mc/virtual_meeting_rooms", {}, 0),
    ("GET", "mc/virtual_meeting_rooms/{room}", {}, 0),
    ("POST", "mc/virtual_meeting_rooms/{room}", {}, 0),
    ("DELETE", "mc/virtual_meeting_rooms/{room}", {}, 0),
]  # fmt: skip
BOOKED: list[Row] = [
    ("GET", "mc/booked_confs", {"count": 0}, 0),
    ("GET", "mc/booked_confs/{booked}", {}, 0),
]
CONFERENCE: list[Row] = [
    ("GET", "vc/confs", {}, 0),
    ("GET", P, {}, 0),
    ("POST", f"{P}/delay", {"delay_time": 5}, 0),
    ("PUT", f"{P}/silence", {"value": 0}, 0),
    ("PUT", f"{P}/mute", {"value": 0, "force_mute": 0}, 0),
    ("PUT", f"{P}/safty", {"password": "", "safe_conf": 0, "closed_conf": 0}, 0),
    ("POST", f"{P}/name", {"value": "walked"}, 0),
    ("POST", f"{P}/sms",
     {"message": "Hello", "roll_num": 1, "roll_speed": 1, "type": 0, **MT}, 0),
    ("PUT", f"{P}/forcebroadcast", {"force_broadcast": 0}, 0),
    ("PUT", f"{P}/dualmode", {"value": 1}, 0),
    ("GET", f"{P}/vad", {}, 0),
    ("PUT", f"{P}/vad", {"state": 0, "vacinterval": 15}, 0),
    ("GET", f"{P}/viplist", {}, 0),
    ("PUT", f"{P}/viplist", {"mts": [{"mt_id": "{mt}", "cascade_id": "0"}]}, 0),
    ("GET", "vc/vrs", {}, 0),
    ("GET", "/api/vc/version", {}, 0),
]  # fmt: skip
TERMINALS: list[Row] = [
    ("GET", f"{P}/cascades", {}, 0),
    ("GET", f"{P}/cascades/0/mts", {}, 0),
    ("POST", f"{P}/cascades/0/mts", {"mts": [{"account": "7004", "account_type": 5}]}, 0),
    ("GET", f"{P}/mts", {}, 0),
    ("POST", f"{P}/mts", {"mts": [{"account": "7003", "account_type": 5, "bitrate": 512}]}, 0),
    ("GET", f"{P}/mts/{{mt}}", {}, 0),
    ("DELETE", f"{P}/online_mts", {"mts": [{"mt_id": "{mt3}"}]}, 0),
    ("POST", f"{P}/online_mts", {"mts": [{"mt_id": "{mt3}", "forced_call": 0}]}, 0),
    ("DELETE", f"{P}/mts", {"mts": [{"mt_id": "{mt3}"}]}, 0),
    ("PUT", f"{P}/mts/{{mt}}/silence", {"value": 0}, 0),
    ("PUT", f"{P}/mts/{{mt}}/mute", {"value": 1}, 0),
    ("PUT", f"{P}/mts/{{mt}}/volume", {"vol_mode": 1, "vol_value": 20}, 0),
    ("PUT", f"{P}/mts/{{mt}}/call_mode", {"value": 0}, 0),
    ("POST", f"{P}/mts/{{mt}}/camera", {"state": 0, "type": 1}, 22013),
    ("GET", f"{P}/mts/{{mt}}/videos", {}, 0),
    ("PUT", f"{P}/mts/{{mt}}/videos", {"video_idx": 1}, 0),
]
ROLES: list[Row] = [
    ("PUT", f"{P}/chairman", {"mt_id": "{mt}"}, 0),
    ("GET", f"{P}/chairman", {}, 0),
    ("PUT", f"{P}/speaker", {"mt_id": "{mt2}"}, 0),
    ("GET", f"{P}/speaker", {}, 0),
    ("GET", f"{P}/dualstream", {}, 0),
    ("PUT", f"{P}/dualstream", {"mt_id": "{mt}"}, 22013),
    ("DELETE", f"{P}/dualstream", {"mt_id": "{mt}"}, 22013),
    ("GET", f"{P}/upload", {}, 0),
    ("PUT", f"{P}/upload", {"mt_id": "{mt}"}, 20440),
    ("GET", f"{P}/upload_poll", {}, 0),
    ("POST", f"{P}/upload_poll", {"num": 1, "keep_time": 10, **MEMBERS}, 20440),
    ("PUT", f"{P}/upload_poll/state", {"value": 0}, 20440),
]
PICTURES: list[Row] = [
    ("POST", f"{P}/mixs", {"mode": 2, **MT, "members": [{"mt_id": "{mt}"}]}, 0),
    ("GET", f"{P}/mixs/1", {}, 0),
    ("POST", f"{P}/mixs/1/members", {"members": [{"mt_id": "{mt2}"}]}, 0),
    ("DELETE", f"{P}/mixs/1/members", {"members": [{"mt_id": "{mt2}"}]}, 0),
    ("DELETE", f"{P}/mixs/1", {}, 0),
    ("POST", f"{P}/vmps", COMPOSED, 0),
    ("GET", f"{P}/vmps/1", {}, 0),
    ("POST", f"{P}/vmps/1", {**COMPOSED, "layout": 3}, 0),
    ("DELETE", f"{P}/vmps/1", {}, 0),
    ("PUT", f"{P}/poll", POLL, 0),
    ("GET", f"{P}/poll", {}, 0),
    ("PUT", f"{P}/poll/state", {"value": 0, "mode": 1}, 0),
    ("PUT", f"{P}/chairman_poll", {**POLL, "mode": 10}, 0),
    ("GET", f"{P}/chairman_poll", {}, 0),
    ("PUT", f"{P}/chairman_poll/state", {"value": 0, "mode": 10}, 0),
    ("GET", f"{P}/mtvmps", {}, 0),
    ("POST", f"{P}/mtvmps", {**OWN_PICTURE, "mt_id": "{mt}"}, 0),
    ("GET", f"{P}/mtvmps/{{mt}}", {}, 0),
    ("PUT", f"{P}/mtvmps/{{mt}}", OWN_PICTURE, 0),
    ("DELETE", f"{P}/mtvmps/{{mt}}", {}, 0),
]
VIEWING: list[Row] = [
    ("POST", f"{P}/inspections", VIEW, 0),
    ("GET", f"{P}/inspections", {}, 0),
    ("DELETE", f"{P}/inspections/{{mt2}}/1", {}, 0),
    ("POST", f"{P}/inspection_channels",
     {"mode": 1, "src": {**VIEW["src"], "mt_chn_idx": 1}, "dst": {**VIEW["dst"], "mt_chn_idx": 1}}, 0),
    ("GET", f"{P}/inspection_channels", {}, 0),
    ("DELETE", f"{P}/inspection_channels/{{mt2}}/1/1", {}, 0),
]  # fmt: skip
MONITORS: list[Row] = [
    ("POST", f"{P}/monitors", MONITOR, 0),
    ("GET", f"{P}/monitors", {}, 0),
    ("GET", f"{P}/monitors/127.0.0.1/9000", {}, 0),
    ("POST", f"{P}/monitors_heartbeat", {"monitors": [MONITOR["dst"]]}, 0),
    ("POST", f"{P}/neediframe/monitors", {"dst": MONITOR["dst"]}, 0),
    ("DELETE", f"{P}/monitors/127.0.0.1/9000", {}, 0),
]
RECORDING: list[Row] = [
    ("POST", f"{P}/recorders", RECORDER, 0),
    ("GET", f"{P}/recorders", {}, 0),
    ("GET", f"{P}/recorders/1", {}, 0),
    ("PUT", f"{P}/recorders/1/state", {"value": 1, "recorder_mode": 1}, 0),
    ("DELETE", f"{P}/recorders/1", {"recorder_mode": 1}, 0),
    ("GET", f"{P}/playback", {}, 0),
    ("PUT", f"{P}/playback",
     {"play_dual_stream": 0, "file_name": "a", "file_id": "1", "vrs_id": "1"}, 20851),
    ("PUT", f"{P}/playback/state", {"value": 1}, 20805),
    ("PUT", f"{P}/playback/current_progress", {"current_progress": 5}, 20805),
]  # fmt: skip
WALLS: list[Row] = [
    ("GET", "vc/hdus", {}, 0),
    ("GET", f"{P}/hdus", {}, 0),
    ("POST", f"{P}/hdus", WALL, 28001),
    ("GET", f"{P}/hdus/1_1", {}, 12105),
    ("DELETE", f"{P}/hdus/1_1", {}, 12105),
    ("GET", f"{P}/hduvmps", {}, 0),
    ("POST", f"{P}/hduvmps", WALL, 28001),
    ("GET", f"{P}/hduvmps/1_1", {}, 12105),
    ("PUT", f"{P}/hduvmps/1_1", WALL, 12105),
    ("DELETE", f"{P}/hduvmps/1_1", {}, 12105),
    ("POST", f"{P}/hdupoll",
     {"mode": 1, "show_mt_name": 0, "hdus": [{"hdu_id": "1_1"}], **MEMBERS}, 28001),
    ("GET", f"{P}/hdupoll/1", {}, 12105),
    ("PUT", f"{P}/hdupoll/state", {"poll_id": 1, "value": 0}, 12105),
]  # fmt: skip
NMS: list[Row] = [
    ("GET", "nms/domains", {}, 0),
    ("GET", "nms/platform_domains/{platform}/physicals", {}, 0),
    ("GET", "nms/physicals/{machine}/detail", {}, 0),
    ("GET", "nms/physicals/{machine}/logicals", {}, 0),
    ("GET", "nms/platform_domains/{platform}/logicals", {}, 0),
    ("GET", "nms/user_domains/{domain}/terminals", {}, 0),
    ("GET", "nms/old_terminals", {}, 0),
    ("GET", "nms/mediaresources/{platform}/portinfo", {}, 0),
    ("GET", "nms/platform_domains/{platform}/mediaresources", {}, 0),
    ("GET", "nms/service_domains/{service}/terminal_online_statistic", {"period": "lastweek"}, 0),
    ("GET", "nms/servers/{machine}/unrepaired_warnings", {}, 0),
    ("GET", "nms/terminals/{account}/unrepaired_warnings", {}, 0),
    ("GET", "nms/service_domains/{service}/meetings", {}, 0),
    ("GET", "nms/meetings/{conf}/terminal_detail", {}, 0),
    ("GET", "/api/nms/version", {}, 0),
    ("GET", "nms/statistic/meetingresource", {}, 0),
]
AMC: list[Row] = [
    ("GET", "amc/accounts", {}, 0),
    ("GET", "amc/accounts/{account}", {}, 0),
    ("POST", "amc/accounts", 
     {"account": "walker", "name": "Walker", "password": "{secret}", "user_domain_moid": "{domain}"}, 0),
    ("PUT", "amc/accounts/{walker}", {"name": "Wanderer"}, 0),
    ("PUT", "amc/accounts/{walker}/disable", {}, 0),
    ("PUT", "amc/accounts/{walker}/password", {"value": "{secret}2"}, 0),
    ("DELETE", "amc/accounts/{walker}", {}, 0),
    ("GET", "amc/departments", {}, 0),
    ("POST", "amc/departments",
     {"parent_department_moid": "{domain}", "department_name": "Shop"}, 0),
    ("PUT", "amc/departments/{department}", {"department_name": "Shops"}, 0),
    ("GET", "amc/departments/{department}/accounts", {}, 0),
    ("DELETE", "amc/departments/{department}", {}, 0),
    ("GET", "amc/approval_infos", {"user_domain_moid": "{domain}"}, 0),
    ("PUT", "amc/approval_infos",
     {"user_domain_moid": "{domain}", "real_approval": 1, "video_approval": 0}, 19008),
    ("GET", "amc/public_groups", {}, 0),
    ("GET", "amc/public_groups/{domain}", {}, 0),
    ("GET", "amc/public_groups/{domain}/users", {}, 0),
    ("GET", "amc/userdomains", {}, 0),
    ("GET", "/api/amc/version", {}, 0),
    ("GET", "/api5/ams/accounts", {"username": "anna"}, 0),
]  # fmt: skip
VRS: list[Row] = [
    ("POST", "vrs/login", {"username": "{user}", "psd": "{password}"}, 0),
    ("GET", "vrs/program_folder", {}, 0),
    ("POST", "vrs/program_folder", {"foldername": "a"}, 9),
    ("PUT", "vrs/program_folder/1", {"foldername": "b"}, 9),
    ("DELETE", "vrs/program_folder/1", {}, 9),
    ("GET", "vrs/program", {"folderid": 1}, 0),
    ("DELETE", "vrs/program", {}, 32),
    ("PUT", "vrs/program_release_batch", {}, 32),
    ("PUT", "vrs/program_to_folder", {}, 32),
    ("GET", "vrs/liveroom", {"livetype": 0}, 0),
    ("GET", "vrs/resroom", {}, 0),
    ("GET", "vrs/recroom", {}, 0),
    ("POST", "vrs/recroom", {"room": {"roomname": "a"}}, 9),
    ("PUT", "vrs/recroom/1", {"room": {"roomname": "a"}}, 9),
    ("DELETE", "vrs/recroom/1", {}, 9),
    *(("PUT", f"vrs/recroom/1/{order}", {}, 9)
      for order in ("startrec", "stoprec", "pauserec", "resumerec", "startlive", "stoplive")),
    ("GET", "vrs/playroom", {}, 0),
    ("POST", "vrs/playroom", {"room": {"roomname": "a"}}, 9),
    ("PUT", "vrs/playroom/1", {"room": {"roomname": "a"}}, 9),
    ("DELETE", "vrs/playroom/1", {}, 9),
    *(("PUT", f"vrs/playroom/1/{order}", {}, 9)
      for order in ("startplay", "stopplay", "pauseplay", "resumeplay")),
    ("GET", "vrs/transtask", {}, 0),
    ("POST", "vrs/transtask", {}, 9),
    ("PUT", "vrs/transtask", {}, 9),
    ("GET", "vrs/vrsip", {}, 0),
    ("GET", "/api/vrs/version", {}, 0),
]  # fmt: skip
PUSH: list[Row] = [
    *(("POST", f"publish/{message}", {}, 0) for message in ("handshake", "connect", "subscribe", "disconnect")),
    ("POST", "publish", {}, 0),
    ("GET", "events", {}, 0),
]  # fmt: skip

_GROUPS: tuple[tuple[str, list[Row], str, bool], ...] = (
    ("system", SYSTEM, "anna", False),
    ("mc", MC, "anna", False),
    ("mc: templates, virtual rooms", STORED, "anna", True),
    ("mc: bookings", BOOKED, "anna", False),
    ("vc: conference", CONFERENCE, "anna", False),
    ("vc: terminals", TERMINALS, "anna", False),
    ("vc: roles", ROLES, "anna", False),
    ("vc: mixing, composition, polling", PICTURES, "anna", False),
    ("vc: viewing", VIEWING, "anna", False),
    ("vc: monitors", MONITORS, "anna", True),
    ("vc: recording, playback", RECORDING, "anna", False),
    ("vc: video walls", WALLS, "anna", False),
    ("nms", NMS, "admin", False),
    ("amc", AMC, "admin", False),
    ("vrs", VRS, "anna", False),
    ("push", PUSH, "anna", True),
)


def calls() -> Iterator[Call]:
    """Yield all calls in the order in which they are walked."""
    for group, rows, user, elsewhere in _GROUPS:
        for method, path, arguments, outcome in rows:
            yield Call(group, method, path, arguments, outcome, user, elsewhere)
