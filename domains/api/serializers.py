"""The serializers describe the requests and answers of the session layer, for the API's own page."""

from __future__ import annotations

from rest_framework import serializers

from foundation.web.serializers import Accepted

_Shape = serializers.Serializer[object]


class KeyPair(_Shape):
    """The key and the secret of a program."""

    oauth_consumer_key = serializers.CharField()
    oauth_consumer_secret = serializers.CharField()


class SoftwareToken(Accepted):
    """A software token; it lives as long as it is used every 30 minutes."""

    account_token = serializers.CharField()


class Credentials(_Shape):
    """A person, under a software token."""

    account_token = serializers.CharField()
    username = serializers.CharField()
    password = serializers.CharField()


class LoggedIn(Accepted):
    """The person is logged in: the cookie `SSO_COOKIE_KEY` comes with this answer."""

    username = serializers.CharField(help_text="As it was given.")


class OwnToken(_Shape):
    """The software token under which the caller is logged in."""

    account_token = serializers.CharField(required=False)
