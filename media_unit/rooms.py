"""A conference's three Janus rooms: sound is mixed, pictures are forwarded, notices are written."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import orjson

from media_unit.conference_copy import RoomPlan
from media_unit.janus_config import AUDIO, PLUGINS, TEXT, VIDEO, Secrets
from media_unit.janus_link import JanusError, JanusLink
from media_unit.roster import Part

Body = dict[str, Any]

_EXISTS = {486, 427, 418}
_NO_ROOM = {485, 426, 417}
_NOBODY = {492, 428, 419, 420, 487}


class Rooms:
    """The rooms of one Janus, by one link. Every method raises JanusAway; most raise JanusError."""

    def __init__(self, link: JanusLink, keys: Secrets) -> None:
        self._link, self._keys = link, keys

    async def create(self, plan: RoomPlan) -> None:
        """Make them all; those of the same name that are there already are made anew."""
        common: Body = {
            "request": "create",
            "room": plan.room,
            "description": plan.name,
            "secret": self._keys.room_secret(plan.room),
            "pin": self._keys.pin(plan.room, plan.password),
            "is_private": True,
            "admin_key": self._keys.admin,
        }
        sound = {"sampling_rate": 48000, "audiolevel_event": True, "allow_rtp_participants": False}
        pictures = {
            "publishers": max(plan.places, 1),
            "bitrate": plan.bitrate * 1000,
            "videocodec": "h265,vp8,h264" if plan.h265 else "vp8,h264,vp9",
            "audiocodec": "opus",
            "notify_joining": True,
            "fir_freq": 10,
        }
        for plugin, extra in ((AUDIO, sound), (VIDEO, pictures), (TEXT, {})):
            try:
                await self._link.ask(plugin, common | extra)
            except JanusError as wrong:
                if wrong.code not in _EXISTS:
                    raise
                await self._destroy(plugin, plan.room)
                await self._link.ask(plugin, common | extra)

    async def destroy(self, room: str) -> None:
        """Drop them all; people in them are told by Janus."""
        for plugin in PLUGINS:
            await self._destroy(plugin, room)

    async def _destroy(self, plugin: str, room: str) -> None:
        try:
            await self._link.ask(plugin, self._order("destroy", room))
        except JanusError as wrong:
            if wrong.code not in _NO_ROOM:
                raise

    async def listed(self) -> dict[str, set[str]]:
        """The names of all rooms, with the plugins that have one of that name."""
        found: dict[str, set[str]] = {}
        for plugin in PLUGINS:
            reply = await self._link.ask(plugin, {"request": "list", "admin_key": self._keys.admin})
            for one in reply["list"]:
                found.setdefault(str(one["room"]), set()).add(plugin)
        return found

    async def people(self, room: str) -> list[Part]:
        """Everybody in the rooms, by connection."""
        heard, seen, wrote = await asyncio.gather(
            *(self._link.ask(plugin, self._order("listparticipants", room)) for plugin in PLUGINS)
        )
        parts = [
            Part(AUDIO, str(one["id"]), str(one.get("display") or ""), bool(one.get("muted")))
            for one in heard["participants"]
        ]
        parts += [
            Part(VIDEO, str(one["id"]), str(one.get("display") or ""), sends=bool(one["publisher"]))
            for one in seen["participants"]
        ]
        parts += [
            Part(TEXT, str(one["username"]), str(one.get("display") or ""))
            for one in wrote["participants"]
        ]
        return parts

    async def kick(self, room: str, plugin: str, participant: str) -> None:
        """Remove one connection."""
        who = {"username" if plugin == TEXT else "id": participant}
        await self._on_person(plugin, self._order("kick", room) | who)

    async def mute(self, room: str, participant: str, value: bool) -> None:
        """Close or open somebody's microphone, at the mixer."""
        order = self._order("mute" if value else "unmute", room) | {"id": participant}
        await self._on_person(AUDIO, order)

    async def _on_person(self, plugin: str, order: Body) -> None:
        try:
            await self._link.ask(plugin, order)
        except JanusError as wrong:
            if wrong.code not in _NOBODY | _NO_ROOM:
                raise

    async def announce(self, room: str, said: Body) -> None:
        """Tell the pages of all who are in; who is not meant leaves it aside."""
        order = self._order("announcement", room) | {"text": orjson.dumps(said).decode()}
        with contextlib.suppress(JanusError):
            await self._link.ask(TEXT, order)

    async def start_recording(self, room: str, folder: Path) -> None:
        """The mixed sound into audio.wav, each picture into an .mjr of its own."""
        folder.mkdir(parents=True, exist_ok=True)
        edit = self._order("edit", room) | {"new_rec_dir": str(folder)}
        await self._link.ask(VIDEO, edit)
        await self._link.ask(VIDEO, self._order("enable_recording", room) | {"record": True})
        sound = {"record": True, "record_dir": str(folder), "record_file": "audio.wav"}
        await self._link.ask(AUDIO, self._order("enable_recording", room) | sound)

    async def stop_recording(self, room: str) -> None:
        """Close the files."""
        for plugin in (AUDIO, VIDEO):
            await self._link.ask(plugin, self._order("enable_recording", room) | {"record": False})

    def _order(self, request: str, room: str) -> Body:
        return {"request": request, "room": room, "secret": self._keys.room_secret(room)}
