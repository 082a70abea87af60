"""Each HTTP request has an id, which is in all log lines and messages that it causes."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from foundation.logs import REQUEST_ID_HEADER, log_fields, sane_id

log = logging.getLogger("confplatform.web")


class RequestId:
    """The outermost middleware takes the client's X-Request-ID, or makes an id, and returns it in the response."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Prepare the middleware; `get_response` answers a request."""
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request, with its id in all log lines and in the response."""
        request_id = sane_id(request.headers.get(REQUEST_ID_HEADER)) or uuid.uuid4().hex
        with log_fields(request_id):
            response = self._get_response(request)
            log.debug("%s %s: %d", request.method, request.path_info, response.status_code)
        response[REQUEST_ID_HEADER] = request_id
        return response
