"""The three Janus rooms of a conference: one mixes sound, one forwards video, one carries text."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import NamedTuple

import orjson

from foundation.bus.message import Body
from media_unit.conference_copy import JanusRoomPlan
from media_unit.gate_rules import (
    AUDIO,
    EVERYBODY,
    LISTENED_TO,
    PLUGINS,
    STREAMING,
    TEXT,
    VIDEO,
)
from media_unit.janus_config import Secrets
from media_unit.janus_link import JanusAway, JanusError, JanusLink
from media_unit.roster import JanusConnection
from wire.telephones import LegAddress

_EXISTS = {486, 427, 418}
_NO_ROOM = {485, 426, 417}
_NOBODY = {487, 492, 428, 422, 423}
"""Error codes of the three plugins: the room exists already, there is no such room, no such participant.

The last set has two codes each of AudioBridge and TextRoom, where one says that the participant has left the room
already. TextRoom's 419 (wrong secret) and 420 (name in use) are not among them: those are errors.
"""


_NO_STREAM, _STREAM_EXISTS = 455, 456
"""Error codes of the Streaming plugin."""


class StreamPorts(NamedTuple):
    """The ports of loopback at which Janus receives the picture and the sound that it offers as one stream."""

    picture: int
    sound: int


class AddedLeg(NamedTuple):
    """A telephone in the mixer: our handle at Janus, and the address at which Janus receives its sound."""

    handle: int
    ip: str
    port: int


class JanusRooms:
    """The rooms of one Janus server. Every method raises JanusAway; most raise JanusError."""

    def __init__(self, link: JanusLink, keys: Secrets, texts_url: str = "") -> None:
        """Manage the rooms over an open connection to Janus; the rooms' secrets follow from `keys`.

        To `texts_url` Janus posts what participants say to all in the text rooms that are created; "": nowhere.
        """
        self._link, self._keys, self._texts_url = link, keys, texts_url

    async def create(self, plan: JanusRoomPlan, *, has_sound_groups: bool) -> None:
        """Create the three Janus rooms (sound, video, text) of a conference; existing ones are destroyed first.

        `has_sound_groups`: the sound mixer has groups, so that one participant can be heard alone. Everybody has to
        join one of them, for which the proxy before Janus cares. Raises JanusError.
        """
        common: Body = {
            "request": "create",
            "room": plan.janus_room,
            "description": plan.name,
            "secret": self._keys.room_secret(plan.janus_room),
            "pin": self._keys.pin(plan.janus_room, plan.password),
            "is_private": True,
            "admin_key": self._keys.admin,
        }
        sound = {
            "sampling_rate": 48000,
            "audiolevel_event": True,
            # Telephones. Participants cannot ask for RTP: the gate lets no such request pass.
            "allow_rtp_participants": True,
            **({"groups": [EVERYBODY, *LISTENED_TO]} if has_sound_groups else {}),
        }
        pictures = {
            "publishers": max(plan.places, 1),
            "bitrate": plan.bitrate * 1000,
            "videocodec": "h265,vp8,h264" if plan.h265 else "vp8,h264,vp9",
            "audiocodec": "opus",
            "notify_joining": True,
            # Only who is in the room, and so in the roster, may watch, and no participant can record.
            "require_pvtid": True,
            "lock_record": True,
            "bitrate_cap": True,
            "fir_freq": 10,
        }
        texts = {"post": self._texts_url} if self._texts_url else {}
        for plugin, extra in ((AUDIO, sound), (VIDEO, pictures), (TEXT, texts)):
            try:
                await self._link.ask(plugin, common | extra)
            except JanusError as error:
                if error.code not in _EXISTS:
                    raise
                await self._destroy_room(plugin, plan.janus_room)
                await self._link.ask(plugin, common | extra)

    async def destroy(self, janus_room: str) -> None:
        """Destroy the three Janus rooms of a conference; Janus notifies the participants."""
        for plugin in PLUGINS:
            await self._destroy_room(plugin, janus_room)

    async def _destroy_room(self, plugin: str, janus_room: str) -> None:
        """Destroy the Janus room of one plugin; one that does not exist is no error."""
        try:
            await self._link.ask(plugin, self._request("destroy", janus_room))
        except JanusError as error:
            if error.code not in _NO_ROOM:
                raise

    async def plugins_by_room(self) -> dict[str, set[str]]:
        """Return the rooms that exist at this Janus: name of a room -> the plugins that have one of that name."""
        plugins_of: dict[str, set[str]] = {}
        for plugin in PLUGINS:
            reply = await self._link.ask(plugin, {"request": "list", "admin_key": self._keys.admin})
            for row in reply["list"]:
                plugins_of.setdefault(str(row["room"]), set()).add(plugin)
        return plugins_of

    async def connections(self, janus_room: str) -> list[JanusConnection]:
        """Return all connections of participants to the three Janus rooms of a conference."""
        audio, video, text = await asyncio.gather(
            *(
                self._link.ask(plugin, self._request("listparticipants", janus_room))
                for plugin in PLUGINS
            )
        )
        connections = [
            JanusConnection(
                AUDIO, str(row["id"]), str(row.get("display") or ""), bool(row.get("muted"))
            )
            for row in audio["participants"]
        ]
        connections += [
            JanusConnection(
                VIDEO, str(row["id"]), str(row.get("display") or ""), sends=bool(row["publisher"])
            )
            for row in video["participants"]
        ]
        connections += [
            JanusConnection(TEXT, str(row["username"]), str(row.get("display") or ""))
            for row in text["participants"]
        ]
        return connections

    async def kick(self, janus_room: str, plugin: str, participant: str) -> None:
        """Disconnect a participant from the Janus room of one plugin; one who has left is no error."""
        participant_key = {"username" if plugin == TEXT else "id": participant}
        await self._ask_about_participant(
            plugin, self._request("kick", janus_room) | participant_key
        )

    async def mute(self, janus_room: str, participant: str, value: bool) -> None:
        """Mute (`value` true) or unmute a participant at the sound mixer; one who has left is no error."""
        request = self._request("mute" if value else "unmute", janus_room) | {"id": participant}
        await self._ask_about_participant(AUDIO, request)

    async def add_leg(
        self,
        janus_room: str,
        password: str,
        participant: str,
        display: str,
        audio: LegAddress,
        *,
        has_sound_groups: bool,
    ) -> AddedLeg:
        """Add a participant to the mixer whose sound comes from, and goes to, an address as plain RTP (Opus).

        `has_sound_groups`: as of `create`.
        """
        handle = await self._link.attach(AUDIO)
        request = {
            "request": "join",
            "room": janus_room,
            "pin": self._keys.pin(janus_room, password),
            "id": participant,
            "display": display,
            "codec": "opus",
            "rtp": {"ip": audio.ip, "port": audio.port, "payload_type": audio.pt},
            **({"group": EVERYBODY} if has_sound_groups else {}),
        }
        try:
            joined = await self._link.ask_for_event(handle, request)
        except (JanusError, JanusAway):
            # Also when the answer is late: the telephone must not be in the mixer without a leg that names it.
            with contextlib.suppress(JanusError, JanusAway):
                await self._link.detach(handle)
            raise
        return AddedLeg(handle, str(joined["rtp"]["ip"]), int(joined["rtp"]["port"]))

    async def remove_leg(self, janus_room: str, participant: str, handle: int) -> None:
        """Remove a telephone from the mixer, and our handle for it; one that is gone already is no error."""
        await self.kick(janus_room, AUDIO, participant)
        with contextlib.suppress(JanusError):
            await self._link.detach(handle)

    async def _ask_about_participant(self, plugin: str, request: Body) -> None:
        """Send a Janus plugin a request about one participant; ignore the error that participant or room is gone."""
        try:
            await self._link.ask(plugin, request)
        except JanusError as error:
            if error.code not in _NOBODY | _NO_ROOM:
                raise

    async def announce(self, janus_room: str, announcement: Body) -> None:
        """Send a JSON object to the web pages of all participants, by the text room; errors of Janus are ignored.

        Pages that its field `to` does not name ignore it.
        """
        request = self._request("announcement", janus_room) | {
            "text": orjson.dumps(announcement).decode()
        }
        with contextlib.suppress(JanusError):
            await self._link.ask(TEXT, request)

    async def start_recording(self, janus_room: str, folder: Path) -> None:
        """Record the mixed sound into audio.wav, and each video into an .mjr file of its own."""
        edit = self._request("edit", janus_room) | {"new_rec_dir": str(folder)}
        await self._link.ask(VIDEO, edit)
        await self._link.ask(
            VIDEO, self._request("enable_recording", janus_room) | {"record": True}
        )
        sound = {"record": True, "record_dir": str(folder), "record_file": "audio.wav"}
        await self._link.ask(AUDIO, self._request("enable_recording", janus_room) | sound)

    async def stop_recording(self, janus_room: str) -> None:
        """Stop recording sound and video, so that Janus closes the files."""
        for plugin in (AUDIO, VIDEO):
            await self._link.ask(
                plugin, self._request("enable_recording", janus_room) | {"record": False}
            )

    async def forward_sound(
        self, janus_room: str, group: str, ip: str, port: int, payload: int
    ) -> int:
        """Have Janus send the mixed sound of a mixer group as RTP to an address; return the id of the stream.

        `group` "" means everybody, `payload` is the RTP payload type.
        """
        request = self._request("rtp_forward", janus_room) | {
            "host": ip,
            "port": port,
            "ptype": payload,
            "always_on": True,
            "admin_key": self._keys.admin,
            **({"group": group} if group else {}),
        }
        reply = await self._link.ask(AUDIO, request)
        return int(reply["stream_id"])

    async def forward_picture(
        self, janus_room: str, participant: str, ip: str, port: int, payload: int, ssrc: int = 0
    ) -> int:
        """Have Janus send a participant's video as RTP to an address; return the id of the stream.

        `payload` is the RTP payload type, `ssrc` the SSRC of the packets; 0 leaves the SSRC to Janus.
        """
        request = self._request("rtp_forward", janus_room) | {
            "publisher_id": participant,
            "host": ip,
            "video_port": port,
            "video_pt": payload,
            "admin_key": self._keys.admin,
            **({"video_ssrc": ssrc} if ssrc else {}),
        }
        reply = await self._link.ask(VIDEO, request)
        return int(reply["rtp_stream"]["video_stream_id"])

    async def stop_forward(self, janus_room: str, publisher: str, stream: int) -> None:
        """Stop an RTP stream of a publisher's video, or of sound if `publisher` is ""; a missing one is no error."""
        request = self._request("stop_rtp_forward", janus_room) | {
            "stream_id": stream,
            "admin_key": self._keys.admin,
            **({"publisher_id": publisher} if publisher else {}),
        }
        await self._ask_about_participant(VIDEO if publisher else AUDIO, request)

    async def forwarded_streams(self, janus_room: str) -> set[int]:
        """Return the ids of all streams by which Janus forwards pictures of a conference."""
        request = self._request("listforwarders", janus_room) | {"admin_key": self._keys.admin}
        reply = await self._link.ask(VIDEO, request)
        return {
            int(stream["stream_id"])
            for publisher in reply["publishers"]
            for stream in publisher["forwarders"]
        }

    async def create_stream(self, janus_room: str, name: str, password: str) -> StreamPorts:
        """Let Janus offer a conference's composed picture and mixed sound as a stream.

        Return the ports where it receives them. The stream has the name, PIN and secret of the Janus rooms. An
        existing one of that name is destroyed first. Raises JanusError.
        """
        request = {
            "request": "create",
            "type": "rtp",
            "id": janus_room,
            "description": name,
            "secret": self._keys.room_secret(janus_room),
            "pin": self._keys.pin(janus_room, password),
            "is_private": True,
            "admin_key": self._keys.admin,
            "audio": True,
            "audioport": 0,
            "audioiface": "127.0.0.1",
            "audiopt": 111,
            "audiocodec": "opus",
            "video": True,
            "videoport": 0,
            "videoiface": "127.0.0.1",
            "videopt": 96,
            "videocodec": "vp8",
            "videobufferkf": True,
        }
        try:
            reply = await self._link.ask(STREAMING, dict(request))
        except JanusError as error:
            if error.code != _STREAM_EXISTS:
                raise
            await self.destroy_stream(janus_room)
            reply = await self._link.ask(STREAMING, dict(request))
        ports = reply["stream"]
        return StreamPorts(picture=int(ports["video_port"]), sound=int(ports["audio_port"]))

    async def destroy_stream(self, janus_room: str) -> None:
        """Destroy the mountpoint of a conference's composed picture; one that is gone is no error."""
        secret = self._keys.room_secret(janus_room)
        try:
            await self._link.ask(
                STREAMING, {"request": "destroy", "id": janus_room, "secret": secret}
            )
        except JanusError as error:
            if error.code != _NO_STREAM:
                raise

    def _request(self, name: str, janus_room: str) -> Body:
        """Return the common fields of a request about a Janus room: the request's name, the room and its secret."""
        return {"request": name, "room": janus_room, "secret": self._keys.room_secret(janus_room)}
