"""A person who uploads and downloads files, and sample files."""

from __future__ import annotations

import io
from base64 import b64encode
from typing import Any
from uuid import UUID

from PIL import Image

from domains.models import Account
from im.models import Conversation, File, FileUse
from tests.web_clients import BareClient

TUS = {"Tus-Resumable": "1.0.0"}
PART = "application/offset+octet-stream"
CSRF = "c" * 32


class Person:
    """A browser with a person's session, which must send its CSRF token."""

    def __init__(self, account: Account) -> None:
        self.client, self.moid = BareClient(), account.moid
        self.client.force_login(account)
        self.client.cookies["csrftoken"] = CSRF

    @property
    def cookie(self) -> str:
        """Return the session as a header."""
        return "; ".join(f"{morsel.key}={morsel.value}" for morsel in self.client.cookies.values())

    def ask(self, method: str, path: Any = "", body: Any = b"", **headers: str) -> Any:
        """Make a call below /api/v1/im/files."""
        all_headers = {"X-CSRFToken": CSRF}
        all_headers |= {name.replace("_", "-"): value for name, value in headers.items()}
        kind = all_headers.pop("Content-Type", "")
        return self.client.generic(
            method, f"/api/v1/im/files{path}", body, kind, headers=all_headers
        )

    def begin(self, size: int, name: str = "notes.bin", **more: str) -> Any:
        named = f"filename {b64encode(name.encode()).decode()}"
        return self.ask("POST", Upload_Length=str(size), Upload_Metadata=named, **TUS, **more)

    def send(self, number: str, offset: int, part: bytes, **more: str) -> Any:
        all_headers = {**TUS, "Upload-Offset": str(offset), "Content-Type": PART, **more}
        return self.ask("PATCH", f"/{number}", part, **all_headers)

    def put(self, content: bytes, name: str = "notes.bin") -> str:
        """Upload a file at once and return its id."""
        number = str(self.begin(len(content), name).json()["id"])
        assert self.send(number, 0, content).status_code == 204
        return number

    def about(self, *numbers: str) -> list[dict[str, Any]]:
        return list(self.ask("GET", f"?ids={','.join(numbers)}").json()["files"])


def body(reply: Any) -> bytes:
    """Return the content of a reply, streamed or not."""
    return bytes(reply.getvalue())


def shared(number: str, talk: Conversation) -> str:
    """Record that a message carries a file, as the center does."""
    File.objects.filter(pk=number).update(used=True)
    FileUse.objects.create(file_id=UUID(number), conversation=talk)
    return number


def picture(width: int = 640, height: int = 400, kind: str = "PNG", **more: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(out, kind, **more)
    return out.getvalue()


def voice(seconds: int, live: bool = True) -> bytes:
    """Return a recording as browsers make it: WebM that does not state its length."""
    import av
    import numpy as np

    out = io.BytesIO()
    with av.open(out, "w", format="webm", options={"live": "1"} if live else {}) as box:
        stream = box.add_stream("libopus", rate=48000)
        for attempt in range(seconds * 50):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 960), np.int16), "s16", "mono")
            frame.sample_rate, frame.pts = 48000, attempt * 960
            box.mux(stream.encode(frame))
        box.mux(stream.encode(None))
    return out.getvalue()
