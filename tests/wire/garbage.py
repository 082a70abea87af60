"""The bodies, properties and fields here are not as the specification wants them."""

from __future__ import annotations

import json
from typing import Any

from tests.wire.actors import TENANT
from tests.wire.line import Body

ABSENT = object()
"""Stands for a field that is left out."""


def as_json(body: Body) -> bytes:
    """Return a body as bytes."""
    return json.dumps(body).encode()


def nested(levels: int) -> Any:
    """Return a list in a list in a list ..."""
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


A_CREATE: Body = {
    "type": "CM_MAU_CREATECONF_REQ",
    "moid": TENANT,
    "creator": {"moid": "a1", "name": "Anna"},
    "confname": "Garbage",
}

NOT_JSON = {
    "nothing": b"",
    "spaces": b"   ",
    "words": b"hello",
    "cut off": b'{"type": "CM_MAU_CREATECONF_REQ", ',
    "trailing": b'{"type": "CM_MAU_CREATECONF_REQ"} x',
    "single quotes": b"{'type': 'CM_MAU_CREATECONF_REQ'}",
    "XML": b"<type>CM_MAU_CREATECONF_REQ</type>",
    "NUL": b"\x00\x00\x00\x00",
    "NaN": b'{"type": "CM_MAU_CREATECONF_REQ", "duration": NaN}',
    "a number beyond all": b'{"type": "CM_MAU_CREATECONF_REQ", "duration": 1e400}',
    "Infinity": b'{"type": "CM_MAU_CREATECONF_REQ", "duration": -Infinity}',
    "lone surrogate": b'{"type": "CM_MAU_CREATECONF_REQ", "confname": "\\ud800"}',
    "UTF-16": as_json(A_CREATE).decode().encode("utf-16"),
    "Latin-1": '{"type": "CM_MAU_CREATECONF_REQ", "confname": "Größe"}'.encode("latin-1"),
    "overlong UTF-8": b'{"type": "CM_MAU_CREATECONF_REQ", "confname": "\xc0\xaf"}',
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
    "pickle": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x04evil\x94.",
    "100,000 levels": b"[" * 100_000,
}

NO_MESSAGE = {
    "a list": b"[]",
    "a list of messages": b"[" + as_json(A_CREATE) + b"]",
    "a string": b'"CM_MAU_CREATECONF_REQ"',
    "a number": b"7",
    "null": b"null",
    "an empty object": b"{}",
    "no type": as_json({k: v for k, v in A_CREATE.items() if k != "type"}),
    "type null": b'{"type": null}',
    "type number": b'{"type": 7}',
    "type list": b'{"type": ["CM_MAU_CREATECONF_REQ"]}',
    "type empty": b'{"type": ""}',
    "type unknown": b'{"type": "NOBODY_KNOWS_THIS"}',
    "type in other letters": b'{"type": "cm_mau_createconf_req"}',
    "type with NUL": b'{"type": "CM_MAU\\u0000CREATECONF_REQ"}',
    "type with newline": b'{"type": "CM_MAU_CREATECONF_REQ\\n"}',
    "type very long": as_json({"type": "X" * 100_000}),
    "type in another script": as_json({"type": "会议 🎥 REQ"}),
    "an answer of ours": b'{"type": "MAU_CM_CREATECONF_ACK", "confE164": "1"}',
    "a command of ours": b'{"type": "MAU_MCU_RELEASECONF_CMD", "confE164": "1", "incarnation": 1}',
}

TOO_MUCH = {
    "1 MB": as_json({**A_CREATE, "x": "y" * 1_000_000}),
    "just too large": as_json({**A_CREATE, "x": "y" * (256 * 1024)}),
    "50 levels": as_json({**A_CREATE, "x": nested(50)}),
    "21 levels": as_json({**A_CREATE, "x": nested(20)}),
}

_TEXT: list[Any] = [7, 1.5, True, [], {}, ["x"]]
_FLAG: list[Any] = [2, -1, "1", 1.0, [], {}]

WRONG_IN_CREATE: dict[str, list[Any]] = {
    "moid": [ABSENT, None, "", "x" * 41, "a\u0000b", *_TEXT],
    "creator": [7, "Anna", ["Anna"], {"moid": 7}, {"moid": "x" * 41}, {"name": "x" * 65}],
    "confname": [ABSENT, None, "", "x" * 65, "a\u0000b", "a\nb", *_TEXT],
    "confE164": ["", "12a", "+8812", "1" * 17, "１２", " 12", 8812, *_TEXT],
    "confpwd": ["x" * 33, "a\u0007b", *_TEXT],
    "conftype": [0, 5, -1, 1.0, "instant", True, [], {}],
    "duration": ["soon", 1.5, True, [], {}, 10**30, "1e3"],
    "maxjoinedmt": [0, 1, 9, -8, 193, 8.0, True, [], {}, 10**30],
    "autoend": _FLAG,
    "resolution": ["480p", "", 720, True, [], {}],
    "h265": _FLAG,
    "bitrate": ["fast", 0, -1, 1.5, 10**9, True, [], {}],
    "record": _FLAG,
    "dr": _FLAG,
    "mts": [
        {},
        "x",
        7,
        [7],
        [[]],
        [{}],
        [{"account": 7}],
        [{"account": ""}],
        [{"account": "x" * 129}],
        [{"account": "1", "type": "fax"}],
        [{"account": "1", "name": "x" * 129}],
        [{"account": "1", "name": "n", "type": "e164"}] * 501,
    ],
}
"""Wrong values of each field of a create request."""

WRONG_IN_UNITS: dict[str, dict[str, list[Any]]] = {
    "MCU_MAU_CREATECONF_ACK": {
        "confE164": [ABSENT, 7, "", "12x"],
        "incarnation": [ABSENT, "x", 0, -1, 1.5, True, {}],
        "join": ["x", 7, ["x"]],
        "ip": [7, "", "x" * 65, "10.0.0.1|x", "10.0.0.1#u1", "10.0.0.1 "],
        "pid": [7, "UPPER", "x" * 17],
    },
    "MCU_MAU_CREATECONF_NACK": {
        "confE164": [ABSENT, 7],
        "incarnation": [ABSENT, "x"],
        "errcode": [29015, "x" * 17],
    },
    "CMU_MAU_RESTORECONF_ACK": {"confE164": [ABSENT, 7], "incarnation": [ABSENT, 1.5]},
    "CMU_MAU_RESTORECONF_NACK": {"confE164": [ABSENT, 7], "incarnation": [ABSENT, []]},
    "MCU_MAU_RELEASECONF_NTF": {
        "confE164": [ABSENT, 7],
        "incarnation": [ABSENT, "x"],
        "reason": [7, "x" * 33],
    },
    "CMU_MAU_CONFLIST_NTF": {
        "ip": [ABSENT, 7, ""],
        "pid": [7, "UPPER"],
        "at": [7, []],
        "confs": [
            ABSENT,
            {},
            [7],
            [{}],
            [{"confE164": 7, "incarnation": 1}],
            [{"confE164": "1", "incarnation": "x"}],
            [{"confE164": "1", "incarnation": 1, "mts": [7]}],
            [{"confE164": "1", "incarnation": 1, "mts": "x"}],
            [{"confE164": "1", "incarnation": 1, "join": "x"}],
            [{"confE164": "1", "incarnation": 1}] * 501,
        ],
        "part": [0, "x"],
        "parts": [0, 1.5],
    },
    "MCU_MAU_CONFSTATECHANGE_NTF": {
        "confE164": [ABSENT, 7],
        "incarnation": [ABSENT, "x"],
        "confname": ["", 7, "x" * 65],
        "confpwd": [7, "x" * 33],
        "mts": ["x", [7], {}],
    },
    "RMS_CSS_NODELOST_NTF": {"restype": [ABSENT, "robot"], "ip": [ABSENT, 7]},
}
"""Wrong values in what units say, which nobody waits an answer to."""

RIGHT_IN_UNITS: Body = {
    "confE164": "4040404",
    "incarnation": 1,
    "ip": "10.66.6.6",
    "restype": "mcu",
    "confs": [],
}


def without(body: Body, **changed: Any) -> Body:
    """Return a body with changed fields; the value ABSENT leaves a field out."""
    return {k: v for k, v in {**body, **changed}.items() if v is not ABSENT}


PROPERTIES: dict[str, dict[str, Any]] = {
    "none at all": {
        "content_type": None,
        "delivery_mode": None,
        "message_id": None,
        "timestamp": None,
    },
    "another content type": {"content_type": "text/plain"},
    "a content encoding": {"content_encoding": "gzip"},
    "not persistent": {"delivery_mode": 1},
    "a time in milliseconds": {"timestamp": 1_750_000_000_000},
    "a time at the end of time": {"timestamp": 2**64 - 1},
    "a time in the far future": {"timestamp": 2**33 - 1},
    "an app_id of nobody": {"app_id": "cmu@"},
    "an app_id in another script": {"app_id": "会管@🎥"},
    "headers of every kind": {
        "headers": {
            "int": 1,
            "long": 2**62,
            "negative": -1,
            "true": True,
            "none": None,
            "list": [1, "x", [2]],
            "table": {"a": {"b": "c"}},
        }
    },
    "x-death as a string": {"headers": {"x-death": "me", "x-source-queue": "me", "x-reason": 7}},
}
"""Properties that are odd, and yet no reason to refuse."""

UNREADABLE_PROPERTIES: dict[str, dict[str, Any]] = {
    "correlation_id": {"correlation_id": b"\xff\xfe"},
    "reply_to": {"reply_to": b"\xff\xfe"},
    "message_id": {"message_id": b"\x80"},
    "app_id": {"app_id": b"cmu@\xc3\x28"},
    "content_type": {"content_type": b"\xf0\x28\x8c\x28"},
}
"""Properties that are not UTF-8."""
