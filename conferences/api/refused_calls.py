"""The API calls of functions that this platform does not have: lists are empty, and changes are refused (HTTP API §4).

Each refusal has the documented error code, so that client applications show the right sentence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from django.urls import URLPattern, path
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from conferences.api import shapes
from conferences.api.call import Call
from foundation.web.errors import Refusal, ack
from foundation.web.serializers import answers
from foundation.web.shapes import AnyField, answer, many, number, shape, string

NO_WALL = (28001, "there are no video walls here")
NO_SUCH_WALL = (12105, "hdu_id: there is no such wall")
NOT_CASCADED = (20440, "this conference is not cascaded below another")
NOT_PLAYING = (20805, "nothing is played")
NO_STUDIO = (
    9,
    "recordings are made by conferences; rooms and folders of the recorder are not kept",
)
NO_PROGRAMME = (32, "there is no such programme")

_Handler = Callable[..., Response]
_Refusals = dict[str, tuple[int, str]]


def _refusing_handler(name: str, code: int, reason: str) -> _Handler:
    """Return the handler of an HTTP method that is always refused with this code; `name`: its operation id.

    A foreign conference is refused first, as by all calls.
    """

    @extend_schema(
        operation_id=name,
        request=None,
        responses=shapes.DONE,
        description=f"Refused with {code}: {reason}.",
    )
    def refuse(self: Call, request: Request, conf_id: str = "", **ids: str) -> Response:
        """Refuse the call with the code and reason of the handler."""
        if conf_id:
            self.own_conference(request, conf_id)
        raise Refusal(code, reason)

    return refuse


def _constant_handler(
    name: str, constants: dict[str, object], fields: dict[str, AnyField]
) -> _Handler:
    """Return the handler of GET that always answers these constants. `fields`: their types, for the API description."""
    kind = answer(f"{name}List", "There are none here.", **fields)

    @extend_schema(operation_id=f"{name}_list", responses={200: answers(kind)})
    def read(self: Call, request: Request, conf_id: str = "", **ids: str) -> Response:
        """Answer the constants of the handler, such as an empty list."""
        if conf_id:
            self.own_conference(request, conf_id)
        return ack(**constants)

    return read


def refused_call(
    route: str, constants: dict[str, object] | None = None, **refusals: tuple[int, str]
) -> URLPattern:
    """Return the URL pattern of an API call at this route that is refused, or always answered alike.

    `constants`: the constant answer to GET; `None` means that GET is not allowed. `refusals`: HTTP method in lower case
    -> error code and sentence with which it is refused.
    """
    name = "".join(word.title() for word in route.replace("<str:", "").replace(">", "").split("/"))
    name = name.replace("_", "")
    methods: dict[str, object] = {
        method: _refusing_handler(f"{name}_{method}", *code_and_reason)
        for method, code_and_reason in refusals.items()
    }
    if constants is not None:
        fields = {
            key: many(_Item)
            if isinstance(value, list)
            else number()
            if isinstance(value, int)
            else string()
            for key, value in constants.items()
        }
        methods["get"] = _constant_handler(name, constants, fields)
    methods["__doc__"] = f"The call `{route}`."
    return path(route, cast("type[Call]", type(name, (Call,), methods)).as_view())


_Item = shape("NoItem", "An entry; there are none here.", id=string(required=False))

P = "vc/confs/<str:conf_id>"
_PAGE: dict[str, object] = {"pageid": 1}

WALLS = [
    refused_call("vc/hdus", {"hdus": []}),
    refused_call(f"{P}/hdus", {"hdus": []}, post=NO_WALL),
    refused_call(f"{P}/hdus/<str:hdu_id>", get=NO_SUCH_WALL, delete=NO_SUCH_WALL),
    refused_call(f"{P}/hduvmps", {"hdus": []}, post=NO_WALL),
    refused_call(
        f"{P}/hduvmps/<str:hdu_id>", get=NO_SUCH_WALL, put=NO_SUCH_WALL, delete=NO_SUCH_WALL
    ),
    refused_call(f"{P}/hdupoll", {"hdus": [], "state": 0}, post=NO_WALL),
    refused_call(f"{P}/hdupoll/state", put=NO_SUCH_WALL, post=NO_SUCH_WALL),
    refused_call(f"{P}/hdupoll/<str:hdupoll_id>", get=NO_SUCH_WALL),
]
CASCADED = [
    refused_call(f"{P}/upload_poll", {"state": 0, "members": []}, post=NOT_CASCADED),
    refused_call(f"{P}/upload_poll/state", put=NOT_CASCADED),
    refused_call(f"{P}/playback/state", put=NOT_PLAYING),
    refused_call(f"{P}/playback/current_progress", put=NOT_PLAYING),
]
FILES = [
    refused_call(
        "mc/meeting_files/<str:meeting_id>",
        {"total": 0, "meeting_files": []},
        post=(20005, "files are shared in the conference's chat"),
        delete=(24106, "file_id: there is no such file"),
    ),
]
_ROOM_ORDERS = {
    "recroom": ("startrec", "stoprec", "pauserec", "resumerec", "startlive", "stoplive"),
    "playroom": ("startplay", "stopplay", "pauseplay", "resumeplay"),
}
RECORDER = [
    refused_call("vrs/program_folder", {"folderinfo": []}, post=NO_STUDIO),
    refused_call("vrs/program_folder/<str:folder_id>", put=NO_STUDIO, delete=NO_STUDIO),
    refused_call("vrs/program", {"prgcount": 0, **_PAGE, "prginfo": []}, delete=NO_PROGRAMME),
    refused_call("vrs/program_release_batch", put=NO_PROGRAMME),
    refused_call("vrs/program_to_folder", put=NO_PROGRAMME),
    refused_call("vrs/liveroom", {"roomcount": 0, **_PAGE, "roomstate": []}),
    refused_call("vrs/resroom", {"livecount": 0, **_PAGE, "liveinfo": []}),
    *(
        refused_call(f"vrs/{kind}", {"roomcount": 0, **_PAGE, "room": []}, post=NO_STUDIO)
        for kind in _ROOM_ORDERS
    ),
    *(
        refused_call(f"vrs/{kind}/<str:room_id>", put=NO_STUDIO, delete=NO_STUDIO)
        for kind in _ROOM_ORDERS
    ),
    *(
        refused_call(f"vrs/{kind}/<str:room_id>/{order}", put=NO_STUDIO)
        for kind, orders in _ROOM_ORDERS.items()
        for order in orders
    ),
    refused_call("vrs/transtask", {"task": []}, post=NO_STUDIO, put=NO_STUDIO),
]
URLS = [*WALLS, *CASCADED, *FILES, *RECORDER]
