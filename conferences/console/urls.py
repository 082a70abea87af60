"""Addresses of the join page."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
