"""Whatever is sent, no answer is a 5xx, and every refusal of the API is JSON with a number."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.http.calls import calls
from tests.http.program import Program

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("stories")]

PATHS = st.sampled_from(
    [
        "system/token",
        "system/login",
        "system/heartbeat",
        "mc/confs",
        "mc/confs/1",
        "vc/confs",
        "vc/confs/880000000",
        "vc/confs/1/mts",
        "vc/confs/%00/mts",
        "mc/confs/" + "9" * 300,
        *sorted(
            {
                re.sub(r"\{\w+\}", "{conf}", call.path)
                for call in calls()
                if call.path[0] != "/" and call.group != "push"
            }
        ),
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)
FIELDS = [
    "name", "duration", "max_join_mt", "auto_end", "create_type", "video_formats", "bitrate",
    "invite_members", "recorder", "password", "mts", "start", "count", "platform_id", "_method",
    "value", "mt_id", "mode", "members", "layout", "poll", "keep_time", "src", "dst", "cursor", "vmp",
    "mix", "vips", "message", "account", "user_domain_moid", "content", "params", "start_time",
    "end_time", "timezone", "repeat", "occurrence", "conf_id", "e164", "exclusive", "exclusive_users",
    "template_id", "bind_e164", "short", "order", "delay_time", "roll_num", "vol_mode", "monitors",
]  # fmt: skip
NASTY = [
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2027-02-30T00:00:00Z", "Etc/GMT+12",
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;INTERVAL=366", "FREQ=DAILY;UNTIL=99991231T235959Z",
    "FREQ=MONTHLY;BYDAY=5MO;BYSETPOS=-31", "RRULE:FREQ=DAILY;COUNT=99999999999", "110", "²", "٣",
    "9" * 400, "::ffff:127.0.0.1", "224.0.0.1", "0", "-1", 2**63, -(2**63), 10**300, "\u202e", "\x00",
    "=1+1", "<img src=x onerror=alert(1)>", "'; DROP TABLE x; --", "../../etc/passwd", "%0d%0aX-A: b",
    [{"mt_id": "1" * 300}], [{"account": "x" * 129}], {"ip": "::", "port": 0}, [[[[]]]], "a\ud800",
]  # fmt: skip
VALUES = JSON | st.sampled_from(NASTY)
PARAMS = st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=6)
BODIES = st.one_of(
    PARAMS.map(lambda p: ("application/json", json.dumps({"params": p}).encode())),
    PARAMS.map(lambda p: ("application/json", json.dumps(p).encode())),
    st.binary(max_size=200).map(lambda b: ("application/x-www-form-urlencoded", b)),
    st.binary(max_size=200).map(lambda b: ("application/json", b)),
    st.text(max_size=80).map(
        lambda t: ("application/x-www-form-urlencoded", b"params=" + t.encode("utf-8", "replace"))
    ),
    st.just(("application/json", b"[" * 30000)),
    st.just(("application/json", b'{"params":' * 60 + b"1" + b"}" * 60)),
    st.just(("application/x-www-form-urlencoded", b"a=1&" * 5000)),
    st.just(("multipart/form-data; boundary=x", b"--x\r\n")),
    st.just(("application/json", b'{"a":"' + b"x" * 1_100_000 + b'"}')),
)


@pytest.fixture
def number(program: Program) -> str:
    """Return the number of a conference that runs."""
    return str(program.create(invite_members=[{"account": "7001", "account_type": 5}])["conf_id"])


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"]),
    path=PATHS,
    content=BODIES,
    session=st.booleans(),
)
def test_no_request_makes_a_5xx(
    program: Program, number: str, method: str, path: str, content: tuple[str, bytes], session: bool
) -> None:
    kind, body = content
    headers = {"Content_Type": kind}
    url = f"/api/v1/{path.replace('{conf}', number, 1).replace('{conf}', '1')}"
    if session:
        headers["Cookie"] = program.cookie
        url += f"?account_token={program.token}"
    status, raw = program.raw(method, url, body, **headers)
    assert status < 500, (status, raw[:300])
    if status == 200 and method not in ("HEAD", "OPTIONS"):
        assert json.loads(raw)["success"] in (0, 1)
