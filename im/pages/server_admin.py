"""The administrators' pages configure load balancers and media servers (IM §10.3)."""

from __future__ import annotations

from typing import TypeVar

from django.contrib import admin
from django.db import transaction
from django.forms import ModelForm
from django.http import HttpRequest

from foundation.cells.directory import own_platform, store_of
from foundation.web.admin_base import BaseAdmin
from foundation.web.scoping import SITE
from im.data import journal, notices
from im.models import BalanceServer, MediaServer

S = TypeVar("S", BalanceServer, MediaServer)


class _ServerAdmin(BaseAdmin[S]):
    """Define the base of the administrators' pages with the configurations of balance and media servers."""

    scope = (SITE,)
    list_display = ["server_id", "local_host1", "http_listen_port", "rtsp_listen_port", "log_level"]
    search_fields = ["^server_id"]
    ordering = ["server_id"]

    def save_model(self, request: HttpRequest, obj: S, form: ModelForm[S], change: bool) -> None:
        """Save a server's configuration and store a notice to the server in the outbox, in one transaction.

        Raises NotServedHere or ReadOnly if another site serves the platform.
        """
        store = store_of(own_platform())
        with transaction.atomic(using=store.database):
            journal.require_serving(store)
            super().save_model(request, obj, form, change)
            notices.stage_config(store, obj)


@admin.register(BalanceServer)
class BalanceServerAdmin(_ServerAdmin[BalanceServer]):
    """Define the administrators' page of the configurations of load balancers."""

    fields = [
        "server_id",
        ("local_host1", "local_host2"),
        ("virtual_host1", "virtual_host2"),
        ("http_listen_port", "rtsp_listen_port"),
        ("log_level", "log_save_days"),
    ]


@admin.register(MediaServer)
class MediaServerAdmin(_ServerAdmin[MediaServer]):
    """Define the administrators' page of the configurations of media servers."""

    fields = [
        "server_id",
        ("local_host1", "local_host2"),
        ("http_listen_port", "rtsp_listen_port"),
        ("rtc_tcp_listen_port", "rtc_udp_listen_port"),
        ("log_level", "log_save_days"),
    ]
