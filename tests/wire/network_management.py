"""A network management system (NMS), played from the specification (CSS §11): it listens on a queue of its own."""

from __future__ import annotations

import json
import uuid
from contextlib import closing

from deploy.stand.site import Site
from tests.wire.line import Line, ReceivedMessage, Tap

TO_NMS = ("nms.report.ex", "nms.css.k")
REPORT_TIMER = "conferences.tasks.report_state"


class NetworkManager(Tap):
    """A network management system that reads a site's counters."""

    def __init__(self, line: Line) -> None:
        super().__init__(line, TO_NMS)

    def reads(self, **counters: object) -> ReceivedMessage:
        """Return the first report with these counters that came, and remove it from the list."""
        return self.hears("CSS_NMS_STATE_NTF", 20, **counters)


def minute_passes(site: Site, times: int = 1) -> None:
    """Let the timer of reports fire at a site, as Celery's scheduler does each minute; `times` is how often at once."""
    with closing(Line(site.rabbitmq.url("celery"))) as tasks:
        for _ in range(times):
            mark = uuid.uuid4().hex
            tasks.say(
                "",
                "tasks",
                json.dumps([[], {}, {}]).encode(),
                content_encoding="utf-8",
                correlation_id=mark,
                headers={"lang": "py", "task": REPORT_TIMER, "id": mark, "root_id": mark},
            )
