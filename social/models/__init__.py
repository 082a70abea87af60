"""The tables of the app `social`, which lie in the data of the platform to which the people belong."""

from social.models.calls import Call, CallGreeting

__all__ = ["Call", "CallGreeting"]
