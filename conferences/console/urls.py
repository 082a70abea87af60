"""Addresses of the join page."""

from django.urls import path

from conferences.console import views

urlpatterns = [
    path("<str:e164>/", views.page, name="join"),
    path("<str:e164>/where", views.where, name="join-where"),
]
