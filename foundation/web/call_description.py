"""A call's own part of the API's description (OpenAPI), as drf-spectacular makes it from view and serializers."""

from __future__ import annotations

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

from foundation.web.shapes import Shape

_FORM = "application/x-www-form-urlencoded"


class CallDescription(AutoSchema):
    """The OpenAPI description of one call. Changes and deletions take their arguments from a JSON body.

    Client applications of the 5.x generation send the same arguments as a form; the text at the top of the description
    says how.
    """

    def get_request_serializer(self) -> Shape | type[Shape] | None:
        """Return the shape of the arguments.

        `None` for a DELETE, which has some only where `extend_schema` names them.
        """
        return None if self.method == "DELETE" else super().get_request_serializer()

    def get_override_parameters(self) -> list[OpenApiParameter | Shape | type[Shape]]:
        """Return the parameters besides those in the URL: the declared ones, and `Idempotency-Key` where it counts."""
        parameters = list(super().get_override_parameters())
        if self.method == "POST" and getattr(self.view, "takes_idempotency_key", False):
            words = "The same request with the same key, within 24 hours, has one effect."
            parameters.append(OpenApiParameter("Idempotency-Key", str, "header", description=words))
        return parameters

    def _get_request_body(self, direction: str = "request") -> object:
        """Return OpenAPI's description of a request's body. In this API a DELETE has one: it names what it removes."""
        if self.method != "DELETE":
            return super()._get_request_body(direction)  # type: ignore[no-untyped-call]  # the base class has no types
        self.method = "POST"  # The library describes no body of a DELETE.
        try:
            return super()._get_request_body(direction)  # type: ignore[no-untyped-call]  # as above
        finally:
            self.method = "DELETE"

    def map_parsers(self) -> list[str]:
        """Return the content types that a request's body may have, without those of forms, which old clients send."""
        return [content_type for content_type in super().map_parsers() if content_type != _FORM]
