"""Addresses for people: where they sign in, their conferences, and the page on which one is joined."""

from django.contrib.auth.views import LogoutView
from django.urls import path, re_path

from conferences.console import mine, views

urlpatterns = [
    path("", mine.home, name="home"),
    path("accounts/login/", mine.SignIn.as_view(), name="login"),
    path("accounts/logout/", LogoutView.as_view(next_page="home"), name="logout"),
    path("console/", mine.page, name="console"),
    path("console/live", mine.live, name="console-live"),
    path("console/start", mine.start, name="console-start"),
    re_path(
        "^console/(?P<e164>[0-9]{1,16})/(?P<what>end|extend|rename|mute|drop)$",
        mine.act,
        name="console-act",
    ),
    path("join/<str:e164>/", views.page, name="join"),
    path("join/<str:e164>/where", views.where, name="join-where"),
]
