"""Log lines have fields for the request, the platform and the conference that they are about (see ADR 0028).

Code logs with `logging.getLogger(...)`. The formatters below, named in `logging_config`, render each record by
structlog: as one JSON object, or as a line for people. The fields are in a context variable, which is set while a
request or a message is handled.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Mapping, MutableMapping, Sequence
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, NamedTuple

import orjson
import structlog

REQUEST_ID_HEADER = "x-request-id"
"""The header of HTTP requests and of AMQP messages that has the request id."""

_SANE_ID = re.compile(r"[A-Za-z0-9._:@#/+=-]{1,64}")


class LogFields(NamedTuple):
    """Represent the fields of all log lines about one request or message. Empty ones are left out."""

    request_id: str = ""
    platform: str = ""
    conference: str = ""


def logging_config(log_format: str, level: str, loggers: Sequence[str]) -> dict[str, object]:
    """Return the configuration of Python's logging: lines go to stderr, as "json" or as "lines" for people.

    `loggers` are the packages that log from `level` on; all others log warnings alone.
    """
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {"()": "foundation.logs.json_formatter"},
            "lines": {"()": "foundation.logs.line_formatter"},
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": log_format}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {name: {"level": level} for name in loggers},
    }


_NO_FIELDS = LogFields()
_fields: ContextVar[LogFields] = ContextVar("fields of log lines", default=_NO_FIELDS)


class log_fields:
    """The context manager sets fields of all log lines written within. An empty field keeps its present value."""

    __slots__ = ("_changes", "_token")

    def __init__(self, request_id: str = "", platform: str = "", conference: str = "") -> None:
        self._changes = (request_id, platform, conference)

    def __enter__(self) -> None:
        """Set the fields; those that are empty keep the value that they have in the surrounding code."""
        before = _fields.get()
        request_id, platform, conference = self._changes
        fields = LogFields(
            request_id or before.request_id,
            platform or before.platform,
            conference or before.conference,
        )
        self._token: Token[LogFields] = _fields.set(fields)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Set the fields back to the values that they had before."""
        _fields.reset(self._token)


def request_id() -> str:
    """Return the id of the request that is being handled, or "" if there is none."""
    return _fields.get().request_id


def sane_id(*candidates: object) -> str:
    """Return the first candidate that is a safe request id for log lines (short, no spaces), or "" if none is.

    Ids come from outside: with spaces or line breaks they could forge log lines, with more than 64 characters flood
    them.
    """
    for candidate in candidates:
        if isinstance(candidate, str) and _SANE_ID.fullmatch(candidate):
            return candidate
    return ""


def with_request_id(headers: Mapping[str, str] | None) -> Mapping[str, str] | None:
    """Return the headers of an outgoing message, with the id of the request that causes it added if there is one.

    Without such an id the headers are returned as they are.
    """
    current_id = _fields.get().request_id
    if not current_id:
        return headers
    return {**(headers or {}), REQUEST_ID_HEADER: current_id}


# ---- rendering ----------------------------------------------------------------------------------

_Event = MutableMapping[str, Any]


def json_formatter() -> logging.Formatter:
    """Return the formatter for production: one JSON object per record."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[_describe, structlog.processors.format_exc_info],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(serializer=_to_json),
        ],
    )


def line_formatter() -> logging.Formatter:
    """Return the formatter for development: time, level, process, logger, text, and the fields."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[_describe, structlog.processors.format_exc_info],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _to_line],
    )


def _describe(logger: object, method: str, event: _Event) -> _Event:
    """Add time, level, process, logger and request fields to a log record, and return it (a structlog processor)."""
    record: logging.LogRecord = event["_record"]
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    event["timestamp"] = f"{seconds}.{int(record.msecs):03d}Z"
    event["level"] = record.levelname.lower()
    event["process"] = record.process
    event["logger"] = record.name
    event.update((name, value) for name, value in _fields.get()._asdict().items() if value)
    return event


def _to_json(event: _Event, **options: Any) -> str:
    """Return a log record (`event`) as JSON text; values that JSON does not know are written by `repr`."""
    try:
        return orjson.dumps(event, default=repr).decode()
    except TypeError:  # orjson refuses text with half a surrogate pair, which a message may have.
        return json.dumps(event, default=repr)


def _to_line(logger: object, method: str, event: _Event) -> str:
    """Return a log record (`event`) as a line for people, followed by its traceback if any (a structlog processor)."""
    moment = event["timestamp"].replace("T", " ").replace(".", ",").removesuffix("Z")
    fields = " ".join(f"{name}={event[name]}" for name in LogFields._fields if name in event)
    head = f"{moment} {event['level'][:1].upper()} {event['process']} {event['logger']}"
    parts = [f"{head} {event['event']}", f"[{fields}]" if fields else ""]
    line = " ".join(part for part in parts if part)
    trace = [event[name] for name in ("exception", "stack") if event.get(name)]
    return "\n".join([line, *trace])
