"""The calls `…/inspections` and `…/inspection_channels`, by which one terminal shows another one's picture large."""

from __future__ import annotations

import msgspec
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from conferences.api import picture_parsing, request_parsing, shapes
from conferences.api.call import Call, refuse_unknown
from foundation.web.errors import Refusal, ack
from foundation.web.serializers import answers
from wire.arrangement import View, arrangement_of
from wire.error_codes import Err

NO_COMPOSER, NO_SOUND, CHANNEL_CLOSED = 20901, 20503, 20505
PICTURE, TERMINAL = 1, 1


class Inspections(Call):
    """The call `…/inspections` lists the views (which terminal shows which one large), and adds one."""

    @extend_schema(
        operation_id="vc_confs_inspections_list", responses={200: answers(shapes.Viewings)}
    )
    def get(self, request: Request, conf_id: str) -> Response:
        """List the views: the terminal `dst` shows the picture of `src` large."""
        views = self.arrangement(request, conf_id).views
        return ack(inspections=[_view_item(view) for view in views])

    @extend_schema(request=shapes.Viewing, responses=shapes.DONE)
    def post(self, request: Request, conf_id: str) -> Response:
        """Let the page of the terminal `dst` show the picture of `src` large."""
        view = self._requested_view(request)
        conference = self.own_conference(request, conf_id)
        refuse_unknown(conference, (view.src, view.dst))
        others = [old for old in arrangement_of(conference.settings).views if old.dst != view.dst]
        return self.arrange(request, conf_id, views=msgspec.to_builtins([*others, view]))

    def _requested_view(self, request: Request) -> View:
        """Return the view (who shows whose picture large) that is requested.

        Raises Refusal for sound and compositions.
        """
        params = self.params(request)
        src, dst = params.get("src"), params.get("dst")
        if not isinstance(src, dict) or not isinstance(dst, dict):
            raise Refusal(int(Err.MALFORMED), "src, dst: objects with mt_id are needed")
        if self.whole_number(request, "mode", 1, 2, PICTURE) != PICTURE:
            raise Refusal(NO_SOUND, "mode: everybody hears the mix; only pictures can be chosen")
        if request_parsing.number(src.get("type"), "src.type", TERMINAL) != TERMINAL:
            raise Refusal(NO_COMPOSER, "src.type: no composer makes one picture of several here")
        source = picture_parsing.terminal_id(src.get("mt_id"), "src.mt_id")
        return View(src=source, dst=picture_parsing.terminal_id(dst.get("mt_id"), "dst.mt_id"))


def _view_item(view: View, **channel: int) -> dict[str, object]:
    """Return a view (one terminal shows another's picture large) in the form of the API.

    `channel`: a field for both terminals, which some calls show.
    """
    return {
        "mode": view.mode,
        "src": {"type": TERMINAL, "mt_id": view.src, **channel},
        "dst": {"mt_id": view.dst, **channel},
    }


class OneInspection(Call):
    """Define the calls `…/inspections/…` and `…/inspection_channels/…` that end a view (one picture shown large)."""

    @extend_schema(request=None, responses=shapes.DONE)
    def delete(
        self, request: Request, conf_id: str, mt_id: str, mode: str, channel: str = "1"
    ) -> Response:
        """End a view (one picture shown large): the terminal shows the picture of all again.

        Raises Refusal if there is no such view.
        """
        views = self.arrangement(request, conf_id).views
        others = [view for view in views if (view.dst, str(view.mode)) != (mt_id, mode)]
        if len(others) == len(views):
            raise Refusal(CHANNEL_CLOSED, "mt_id: looks at nobody in this mode")
        return self.arrange(request, conf_id, views=msgspec.to_builtins(others))


class InspectionChannels(Inspections):
    """The call `…/inspection_channels` lists the views with channels; every terminal has one channel, 1."""

    @extend_schema(
        operation_id="vc_confs_inspection_channels_list",
        responses={200: answers(shapes.Viewings)},
    )
    def get(self, request: Request, conf_id: str) -> Response:
        """List the views (which terminal shows which one's picture large) with their channels."""
        views = self.arrangement(request, conf_id).views
        return ack(inspections=[_view_item(view, mt_chn_idx=1) for view in views])
