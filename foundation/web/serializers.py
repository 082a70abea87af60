"""Define the forms of answers that all calls of the HTTP API share, for the API's generated description (OpenAPI)."""

from __future__ import annotations

from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework import serializers


class Refused(serializers.Serializer[object]):
    """A refusal. The HTTP status is 200, except for invalid OAuth2 tokens (401, 403)."""

    success = serializers.ChoiceField([0])
    error_code = serializers.IntegerField(help_text="A number for programs.")
    description = serializers.CharField(help_text="A sentence for people.")


class Accepted(serializers.Serializer[object]):
    """A success, without further values."""

    success = serializers.ChoiceField([1])


def answers(shape: type[serializers.Serializer[object]]) -> PolymorphicProxySerializer:
    """Return OpenAPI's description of a call's answer: `shape`, or a refusal, which has the same HTTP status 200."""
    return PolymorphicProxySerializer(
        component_name=f"{shape.__name__}OrRefused",
        serializers=[shape, Refused],
        resource_type_field_name=None,
    )
