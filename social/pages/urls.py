"""The addresses of the pages of calls, people, circles and moments."""

from __future__ import annotations

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
