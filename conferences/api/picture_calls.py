"""Define the calls of mixing, picture composition and polling (HTTP API §2.3).

They change the arrangement of the conference, which its media unit keeps: who is heard is enforced by the unit, and
the pages of members lay out their pictures by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import msgspec
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from conferences.api import picture_parsing, representations, shapes
from conferences.api.call import Call, refuse_unknown, terminal_of
from conferences.rules.states import Conference
from foundation import clock
from foundation.web.errors import Refusal, ack
from foundation.web.serializers import answers
from wire.arrangement import Arrangement, Poll, arrangement_of, terminals_in_layout
from wire.conference_control import Arrange
from wire.error_codes import Err

ONLY_ID = "1"
"""A conference has at most one mix and one composition, both with this id."""
NO_MIX, NO_PICTURE, NO_POLL, NO_CHAIRMAN = 20812, 20823, 20524, 20434
ALREADY_COMPOSED = 20822


class Mixes(Call):
    """The call `…/mixs` chooses who is heard (the mix)."""

    @extend_schema(request=shapes.MixMembers, responses=shapes.DONE)
    def post(self, request: Request, conf_id: str) -> Response:
        """Choose who is heard: everybody (`mode` 1), or these members only (`mode` 2); all others are muted."""
        mode, members = self.whole_number(request, "mode", 1, 2), self.ids(request, "members")
        refuse_unknown(self.own_conference(request, conf_id), members)
        mix = {"mode": mode, "members": members if mode == 2 else ()}
        return self.arrange(request, conf_id, mix=mix)


class OneMix(Call):
    """The call `…/mixs/{mix_id}` shows and ends the mix of chosen members."""

    @extend_schema(responses={200: answers(shapes.MixNow)})
    def get(self, request: Request, conf_id: str, mix_id: str) -> Response:
        """Answer the mix: the members that are heard, if members were chosen. Raises Refusal if none were."""
        conference = self.own_conference(request, conf_id)
        mix = arrangement_of(conference.settings).mix
        if mix is None or mix_id != ONLY_ID:
            raise Refusal(NO_MIX, "no mix was chosen: everybody is heard")
        return ack(mode=mix.mode, members=representations.member_items(conference, mix.members))

    @extend_schema(request=None, responses=shapes.DONE)
    def delete(self, request: Request, conf_id: str, mix_id: str) -> Response:
        """Let everybody in the conference be heard again whose microphone is open.

        Raises Refusal if no members were chosen.
        """
        if self.arrangement(request, conf_id).mix is None or mix_id != ONLY_ID:
            raise Refusal(NO_MIX, "no mix was chosen: everybody is heard")
        return self.arrange(request, conf_id, mix=None)


class MixMembers(Call):
    """The call `…/mixs/{mix_id}/members` adds members to the mix, and removes them."""

    @extend_schema(request=shapes.Members, responses=shapes.DONE)
    def post(self, request: Request, conf_id: str, mix_id: str) -> Response:
        """Add terminals of a conference to those that are heard."""
        return self._change_mix(request, conf_id, mix_id, "mixadd")

    @extend_schema(request=shapes.Members, responses=shapes.DONE)
    def delete(self, request: Request, conf_id: str, mix_id: str) -> Response:
        """Remove terminals of a conference from those that are heard."""
        return self._change_mix(request, conf_id, mix_id, "mixdel")

    def _change_mix(self, request: Request, conf_id: str, mix_id: str, field: str) -> Response:
        """Add terminals to those whose sound is mixed, or remove some, and answer success.

        `field`: `mixadd` or `mixdel`, the order's field for that. Raises Refusal, also for any `mix_id` but 1, the
        only one.
        """
        members = self.ids(request, "members")
        if not members:
            raise Refusal(int(Err.MALFORMED), "members: a list of {mt_id} is needed")
        refuse_unknown(self.own_conference(request, conf_id), members)
        if mix_id != ONLY_ID:
            raise Refusal(NO_MIX, "mix_id: the mix of a conference is 1")
        return self.send_order(request, conf_id, Arrange, **{field: members})


class Pictures(Call):
    """The call `…/vmps` starts to compose the picture that all members see."""

    @extend_schema(request=shapes.Picture, responses=shapes.DONE)
    def post(self, request: Request, conf_id: str) -> Response:
        """Compose the picture on all members' pages by a layout. Raises Refusal, also if one is composed already."""
        conference = self.own_conference(request, conf_id)
        layout = checked_picture(conference, self.params(request))
        if arrangement_of(conference.settings).layout is not None:
            raise Refusal(ALREADY_COMPOSED, "a composition runs: change it at vmps/1")
        return self.arrange(request, conf_id, layout=layout)


class OnePicture(Call):
    """Define the call `…/vmps/{vmp_id}`, which shows, changes and ends the composed picture of all."""

    @extend_schema(responses={200: answers(shapes.PictureNow)})
    def get(self, request: Request, conf_id: str, vmp_id: str) -> Response:
        """Answer the layout of the picture that is composed for all members of a conference."""
        conference, layout = self._composed_layout(request, conf_id, vmp_id)
        return ack(**representations.picture_item(conference, layout))

    @extend_schema(
        operation_id="vc_confs_vmps_change", request=shapes.Picture, responses=shapes.DONE
    )
    def post(self, request: Request, conf_id: str, vmp_id: str) -> Response:
        """Change the layout of the picture that is composed for all members of a conference."""
        conference, _ = self._composed_layout(request, conf_id, vmp_id)
        return self.arrange(
            request, conf_id, layout=checked_picture(conference, self.params(request))
        )

    @extend_schema(request=None, responses=shapes.DONE)
    def delete(self, request: Request, conf_id: str, vmp_id: str) -> Response:
        """End the composition; each page arranges the pictures by itself again."""
        self._composed_layout(request, conf_id, vmp_id)
        return self.arrange(request, conf_id, layout=None)

    def _composed_layout(
        self, request: Request, conf_id: str, vmp_id: str
    ) -> tuple[Conference, dict[str, object]]:
        """Return the caller's conference, and the layout of its composed picture. Raises Refusal if it has none."""
        conference = self.own_conference(request, conf_id)
        layout = arrangement_of(conference.settings).layout
        if layout is None or vmp_id != ONLY_ID:
            raise Refusal(NO_PICTURE, "no composition runs")
        return conference, layout


def checked_picture(conference: Conference, params: Mapping[str, object]) -> dict[str, object]:
    """Return the layout in these arguments. Raises Refusal, also for a terminal that is not in the conference."""
    layout = picture_parsing.parse_layout(params)
    refuse_unknown(conference, tuple(terminals_in_layout(layout)))
    return layout


class OwnPictures(Call):
    """The call `…/mtvmps` lists the pictures that are composed for single terminals, and adds one."""

    @extend_schema(
        operation_id="vc_confs_mtvmps_list", responses={200: answers(shapes.OwnPictures)}
    )
    def get(self, request: Request, conf_id: str) -> Response:
        """List the terminals for each of which a picture of its own is composed, with its layout."""
        conference = self.own_conference(request, conf_id)
        layouts = arrangement_of(conference.settings).layouts
        rows = [
            representations.picture_item(conference, layout) | {"mt_id": mt}
            for mt, layout in layouts.items()
        ]
        return ack(mts=rows)

    @extend_schema(request=shapes.OwnPicture, responses=shapes.DONE)
    def post(self, request: Request, conf_id: str) -> Response:
        """Compose the picture that one terminal sees by a layout of its own. Raises Refusal.

        The terminal's page lays the picture out. No video stream is made of it, as `vmps` makes one of the picture of
        all.
        """
        mt_id = picture_parsing.terminal_id(self.params(request).get("mt_id"))
        return change_own_picture(self, request, conf_id, mt_id)


class OwnPicture(Call):
    """The call `…/mtvmps/{mt_id}`, which shows, changes and ends the picture that is composed for one terminal."""

    @extend_schema(responses={200: answers(shapes.OwnPictureNow)})
    def get(self, request: Request, conf_id: str, mt_id: str) -> Response:
        """Answer the layout of the picture that is composed for one terminal. Raises Refusal if there is none."""
        conference = self.own_conference(request, conf_id)
        terminal_of(conference, mt_id)
        layout = arrangement_of(conference.settings).layouts.get(mt_id)
        if layout is None:
            raise Refusal(NO_PICTURE, "mt_id: has no picture of its own")
        return ack(**representations.picture_item(conference, layout), mt_id=mt_id)

    @extend_schema(request=shapes.Picture, responses=shapes.DONE)
    def put(self, request: Request, conf_id: str, mt_id: str) -> Response:
        """Compose the picture that one terminal sees by a layout of its own. Raises Refusal.

        The terminal's page lays the picture out. No video stream is made of it, as `vmps` makes one of the picture of
        all.
        """
        return change_own_picture(self, request, conf_id, mt_id)

    @extend_schema(request=None, responses=shapes.DONE)
    def delete(self, request: Request, conf_id: str, mt_id: str) -> Response:
        """Let the terminal see again the picture that all others see.

        Raises Refusal if it has no picture of its own.
        """
        conference = self.own_conference(request, conf_id)
        terminal_of(conference, mt_id)
        layouts = dict(arrangement_of(conference.settings).layouts)
        if layouts.pop(mt_id, None) is None:
            raise Refusal(NO_PICTURE, "mt_id: has no picture of its own")
        return self.arrange(request, conf_id, layouts=layouts)


def change_own_picture(call: Call, request: Request, conf_id: str, mt_id: str) -> Response:
    """Change the layout of the picture that is composed for one terminal. Raises Refusal."""
    conference = call.own_conference(request, conf_id)
    terminal_of(conference, mt_id)
    layout = checked_picture(conference, call.params(request))
    layouts = {**arrangement_of(conference.settings).layouts, mt_id: layout}
    return call.arrange(request, conf_id, layouts=layouts)


class _Polls(Call):
    """Define the base of the calls about polls, which show the pictures of members one after the other."""

    name: ClassVar[Literal["poll", "chairmanpoll"]]
    modes: ClassVar[tuple[int, ...]]
    chairman_only: ClassVar[bool] = False

    def poll_of(self, arrangement: Arrangement) -> Poll | None:
        """Return the poll, which shows members one after the other; `None`: there is none, or it is over."""
        poll: Poll | None = getattr(arrangement, self.name)
        return poll if poll and poll.index_at(clock.now()) else None

    def _refuse_without_chairman(self, conference: Conference) -> None:
        """Raise Refusal if this call needs a chairman, and the conference has none."""
        if self.chairman_only and not conference.chairman:
            raise Refusal(NO_CHAIRMAN, "the conference has no chairman")


class _Poll(_Polls):
    """Define the base of the calls `…/poll` and `…/chairman_poll`, which show and start a poll of members' pictures."""

    @extend_schema(responses={200: answers(shapes.PollNow)})
    def get(self, request: Request, conf_id: str) -> Response:
        """Answer the poll, and the terminal that it shows now; `state` 0 means that there is no poll."""
        conference = self.own_conference(request, conf_id)
        poll = self.poll_of(arrangement_of(conference.settings))
        return ack(**representations.poll_item(conference, poll, self.modes[0], clock.now()))

    @extend_schema(request=shapes.PollOrder, responses=shapes.DONE)
    def put(self, request: Request, conf_id: str) -> Response:
        """Show the pictures of members of the conference one after the other (a poll). Raises Refusal."""
        conference, members = self.own_conference(request, conf_id), self.ids(request, "members")
        self._refuse_without_chairman(conference)
        refuse_unknown(conference, members)
        if not members:
            raise Refusal(int(Err.MALFORMED), "members: a list of {mt_id} is needed")
        mode = self.whole_number(request, "mode", 1, 11, self.modes[0])
        if mode not in self.modes:
            words = " or ".join(map(str, self.modes))
            raise Refusal(int(Err.MALFORMED), f"mode: must be {words}")
        poll = {
            "mode": mode,
            "num": self.whole_number(request, "num", 0, 10_000, 0),
            "keep_time": self.whole_number(request, "keep_time", 1, 86_400, 10),
            "poll_index": self.whole_number(request, "poll_index", 1, len(members), 1),
            "members": members,
            "since": clock.now().isoformat(timespec="milliseconds"),
        }
        return self.arrange(request, conf_id, **{self.name: poll})


class _PollState(_Polls):
    """Define the base of the calls `…/poll/state` and `…/chairman_poll/state`, which stop and pause a poll."""

    @extend_schema(request=shapes.PollState, responses=shapes.DONE)
    def put(self, request: Request, conf_id: str) -> Response:
        """Stop the poll (pictures of members, one after the other) by 0, let it pause by 1, or go on by 2.

        The stored poll has other numbers: its `state` is 1 while it runs, and 2 while it pauses. Raises Refusal if none
        runs.
        """
        conference, value = (
            self.own_conference(request, conf_id),
            self.whole_number(request, "value", 0, 2),
        )
        poll = self.poll_of(arrangement_of(conference.settings))
        if poll is None:
            raise Refusal(NO_POLL, "no poll runs")
        if value == 0:
            return self.arrange(request, conf_id, **{self.name: None})
        now = clock.now()
        changed = msgspec.structs.replace(
            poll,
            state=2 if value == 1 else 1,
            poll_index=poll.index_at(now),
            since=now.isoformat(timespec="milliseconds"),
        )
        return self.arrange(request, conf_id, **{self.name: msgspec.to_builtins(changed)})


class ConferencePoll(_Poll):
    """The call `…/poll` shows and starts the poll: the pictures of members, one after the other."""

    name, modes = "poll", (1, 3)


class ConferencePollState(_PollState):
    """Define the call `…/poll/state`, which stops, pauses and continues the poll of members' pictures."""

    name, modes = "poll", (1, 3)


class ChairmanPoll(_Poll):
    """The call `…/chairman_poll` shows and starts the chairman's poll: one member's picture after the other."""

    name, modes, chairman_only = "chairmanpoll", (10, 11), True

    @extend_schema(request=shapes.PollOrder, responses=shapes.DONE)
    def post(self, request: Request, conf_id: str) -> Response:
        """Begin the chairman's poll (members one after the other), as client applications of older releases do."""
        return self.put(request, conf_id)


class ChairmanPollState(_PollState):
    """Define the call `…/chairman_poll/state`, which stops, pauses and continues the chairman's poll."""

    name, modes, chairman_only = "chairmanpoll", (10, 11), True
