"""The serializers describe requests and answers of sign-in and session, for the page that documents the API."""

from __future__ import annotations

from rest_framework import serializers

from foundation.web.serializers import Accepted

_Shape = serializers.Serializer[object]


class KeyPair(_Shape):
    """The API key of a client application: its name and its secret."""

    oauth_consumer_key = serializers.CharField()
    oauth_consumer_secret = serializers.CharField()


class SoftwareToken(Accepted):
    """The token of a client application. It expires after 30 minutes without use."""

    account_token = serializers.CharField()


class Credentials(_Shape):
    """Name and password of a person who logs in, and the token of the client application."""

    account_token = serializers.CharField()
    username = serializers.CharField()
    password = serializers.CharField()


class LoggedIn(Accepted):
    """The person is logged in. The answer sets the cookie `SSO_COOKIE_KEY`."""

    username = serializers.CharField(help_text="As it was given.")


class OwnToken(_Shape):
    """The client application's token under which the person is logged in."""

    account_token = serializers.CharField(required=False, allow_blank=True)
