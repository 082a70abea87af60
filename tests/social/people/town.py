"""People of two tenants call `/api/v1/social/`, and `/api/v1/im/` below it."""

from __future__ import annotations

import io
import json
from base64 import b64encode
from dataclasses import dataclass
from typing import Any

from PIL import Image

from tests.im.http.town import Answer, Body, Someone, someone


@dataclass
class Neighbour(Someone):
    """A person with a token, who also has contacts, circles and moments."""

    def social(self, method: str, path: str, body: Body | None = None) -> Answer:
        """Make a call under `/api/v1/social/`."""
        reply = self.client.generic(
            method,
            f"/api/v1/social/{path}",
            json.dumps(body) if body is not None else "",
            content_type="application/json",
            headers={"Authorization": f"Bearer {self.token}"},
        )
        return Answer(reply.status_code, json.loads(reply.content))

    def ask(self, path: str) -> Answer:
        """Make a GET call, which succeeds."""
        answer = self.social("GET", path)
        assert answer.status == 200, (path, answer.body)
        return answer

    def do(self, method: str, path: str, body: Body | None = None) -> Answer:
        """Make a call that changes something and succeeds."""
        answer = self.social(method, path, body or {})
        assert answer.status == 200, (path, answer.body)
        return answer

    def befriend(self, *others: Neighbour) -> None:
        """Become contacts of these people."""
        for other in others:
            self.post("contacts", {"user": other.id})
            assert other.post("contacts", {"user": self.id})["state"] == "friend"

    def labels(self, name: str, *people: Neighbour) -> str:
        """Create a label, put it on people, and return its id."""
        number = self.do("POST", "labels", {"name": name})["labels"][0]["label_id"]
        if people:
            self.do("PATCH", f"labels/{number}", {"add": [person.id for person in people]})
        return str(number)

    def circle(self, *others: Neighbour, **more: Any) -> str:
        """Found a circle, and return its id."""
        users = [other.id for other in others]
        body = {"name": "Choir", "users": users, **more}
        return str(self.do("POST", "circles", body)["circle"]["circle_id"])

    def posts(self, text: str = "hello", **more: Any) -> str:
        """Post a moment, and return its id."""
        body = {"text": text, **more}
        return str(self.do("POST", "moments", body)["moment"]["moment_id"])

    def timeline(self) -> list[Body]:
        """Return the whole timeline, page by page."""
        return self._pages("moments")

    def wall(self, circle: str) -> list[Body]:
        """Return the whole wall of a circle; nothing if it is not for this person."""
        if self.social("GET", f"circles/{circle}/wall").status == 404:
            return []
        return self._pages(f"circles/{circle}/wall")

    def _pages(self, path: str) -> list[Body]:
        moments: list[Body] = []
        before = ""
        while True:
            page = self.ask(f"{path}?count=5{before}")
            moments += page["moments"]
            if page["next"] is None:
                return moments
            before = f"&before={page['next']}"

    def seen(self) -> set[str]:
        """Return the ids of the moments on the timeline."""
        return {moment["moment_id"] for moment in self.timeline()}

    def uploads(self, content: bytes = b"", name: str = "a.png") -> str:
        """Upload a file, a small picture by default, and return its id."""
        content = content or picture()
        headers = {"Authorization": f"Bearer {self.token}", "Tus-Resumable": "1.0.0"}
        begun = self.client.generic(
            "POST",
            "/api/v1/im/files",
            headers={
                **headers,
                "Upload-Length": str(len(content)),
                "Upload-Metadata": f"filename {b64encode(name.encode()).decode()}",
            },
        )
        assert begun.status_code == 201, begun.content
        sent = self.client.generic(
            "PATCH",
            begun["Location"],
            content,
            content_type="application/offset+octet-stream",
            headers={**headers, "Upload-Offset": "0"},
        )
        assert sent.status_code == 204, sent.content
        return str(json.loads(begun.content)["id"])

    def fetches(self, file: str) -> int:
        """Fetch a file; return the HTTP status."""
        headers = {"Authorization": f"Bearer {self.token}"}
        reply = self.client.generic("GET", f"/api/v1/im/files/{file}", headers=headers)
        return int(reply.status_code)


def picture(color: str = "teal") -> bytes:
    """Return a small picture, as PNG."""
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), color).save(buffer, "PNG")
    return buffer.getvalue()


def neighbour(name: str, *tenant: str) -> Neighbour:
    """Create a person of a tenant, the demonstration's by default, signed in."""
    person = someone(name, *tenant)
    return Neighbour(person.account, person.token)


class NoSender:
    """A sender of text messages whose gateway is away."""

    def send(self, number: str, text: str) -> None:
        """Send nothing. Raises OSError."""
        raise OSError("the gateway is away")
