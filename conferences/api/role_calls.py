"""The API calls about roles of terminals: chairman, speaker, sharing of content, upload to a higher conference."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from conferences.api import request_parsing, shapes
from conferences.api.call import Call, terminal_of
from conferences.rules.sharing import id_of_sharer
from foundation.web.errors import Refusal, ack
from foundation.web.serializers import answers
from wire.conference_control import SetChairman, SetSpeaker, TerminalControl

NOT_SUPPORTED, NOT_CASCADED = 22013, 20440


class _Role(Call):
    """Define the base of the calls about a role that the media unit gives to a terminal."""

    role: ClassVar[str]
    order_of_role: ClassVar[type[TerminalControl]]
    already: ClassVar[int]
    """The error code if the terminal has the role already."""

    @extend_schema(responses={200: answers(shapes.RoleHolder)})
    def get(self, request: Request, conf_id: str) -> Response:
        """Answer the id of the terminal that is chairman or speaker; empty means nobody."""
        return ack(mt_id=getattr(self.own_conference(request, conf_id), self.role))

    @extend_schema(request=shapes.Role, responses=shapes.DONE)
    def put(self, request: Request, conf_id: str) -> Response:
        """Make a terminal the chairman or speaker of a conference, or nobody if no terminal is named.

        Raises Refusal, also if the terminal has this role already.
        """
        mt_id = request_parsing.words(self.params(request).get("mt_id"), "mt_id")
        conference = self.own_conference(request, conf_id)
        if mt_id:
            terminal_of(conference, mt_id)
            if getattr(conference, self.role) == mt_id:
                raise Refusal(self.already, f"mt_id: is the {self.role} already")
        return self.send_order(request, conf_id, self.order_of_role, mtid=mt_id)


class Chairman(_Role):
    """The call `…/chairman` shows and changes the chairman of a conference."""

    role, order_of_role, already = "chairman", SetChairman, 20432


class Speaker(_Role):
    """The call `…/speaker` shows and changes the speaker of a conference."""

    role, order_of_role, already = "speaker", SetSpeaker, 20437


class DualStream(Call):
    """The call `…/dualstream`: the content (a screen) that a terminal shares; only the person at it controls that."""

    @extend_schema(responses={200: answers(shapes.RoleHolder)})
    def get(self, request: Request, conf_id: str) -> Response:
        """Answer the id of the terminal that shares content (a screen), as its media unit reports; "" means nobody."""
        return ack(mt_id=id_of_sharer(self.own_conference(request, conf_id)))

    @extend_schema(request=shapes.Role, responses=shapes.DONE)
    def put(self, request: Request, conf_id: str) -> Response:
        """Refuse to make a terminal share content (a screen), or to stop it.

        Answer success if nobody is to share and does. Raises Refusal.
        """
        mt_id = request_parsing.words(self.params(request).get("mt_id"), "mt_id")
        if mt_id := mt_id or id_of_sharer(self.own_conference(request, conf_id)):
            self._refuse(request, conf_id, mt_id)
        return ack()

    @extend_schema(request=shapes.Role, responses=shapes.DONE)
    def delete(self, request: Request, conf_id: str) -> Response:
        """Refuse to stop a terminal from sharing content (a screen): always raises Refusal.

        Only the person at the terminal can stop it.
        """
        mt_id = request_parsing.words(self.params(request).get("mt_id"), "mt_id")
        return self._refuse(request, conf_id, mt_id)

    def _refuse(self, request: Request, conf_id: str, mt_id: str) -> Response:
        """Refuse to start or stop the content (screen) that a terminal shares: always raises Refusal.

        An unknown conference or terminal has a refusal of its own.
        """
        self.own_terminal(request, conf_id, mt_id)
        raise Refusal(NOT_SUPPORTED, "mt_id: only the person himself begins and ends sharing")


class Upload(Call):
    """The call `…/upload`: the terminal whose picture a higher conference sees; here there are none."""

    @extend_schema(responses={200: answers(shapes.RoleHolder)})
    def get(self, request: Request, conf_id: str) -> Response:
        """Answer that no terminal's picture is sent to a higher conference."""
        self.own_conference(request, conf_id)
        return ack(mt_id="")

    @extend_schema(request=shapes.Role, responses=shapes.DONE)
    def put(self, request: Request, conf_id: str) -> Response:
        """Refuse to choose a terminal, because the conference is not cascaded below another."""
        self.own_conference(request, conf_id)
        if request_parsing.words(self.params(request).get("mt_id"), "mt_id"):
            raise Refusal(NOT_CASCADED, "this conference is not cascaded below another")
        return ack()
