"""Addresses of calls, people, circles and posts (moments) under `/api/v1/social/`."""

from __future__ import annotations

from django.urls import URLPattern, re_path

from im.api import base
from social.api import calls, group_calls, people_urls, voicemail

urlpatterns: list[URLPattern] = [
    *calls.urlpatterns,
    *group_calls.urlpatterns,
    *voicemail.urlpatterns,
    *people_urls.urlpatterns,
    re_path("", base.no_such_call),
]
