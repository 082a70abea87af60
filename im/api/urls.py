"""Addresses of instant messaging under `/api/v1/im/`."""

from __future__ import annotations

from django.urls import path, re_path

from im.api import (
    base,
    broadcasts,
    contacts,
    conversations,
    files,
    members,
    messages,
    search,
    sign_in,
)

_ONE = "conversations/<int:number>"

urlpatterns = [
    *sign_in.urlpatterns,
    *files.urlpatterns,
    path("conversations", conversations.Conversations.as_view()),
    path(_ONE, conversations.OneConversation.as_view()),
    path(f"{_ONE}/mine", conversations.Mine.as_view()),
    path(f"{_ONE}/pins/<int:seq>", conversations.Pin.as_view()),
    path(f"{_ONE}/members", members.Members.as_view()),
    path(f"{_ONE}/members/<str:user>", members.Member.as_view()),
    path(f"{_ONE}/join", members.Join.as_view()),
    path(f"{_ONE}/messages", messages.Messages.as_view()),
    path(f"{_ONE}/messages/<int:seq>", messages.Message.as_view()),
    path(f"{_ONE}/read", messages.Read.as_view()),
    path(f"{_ONE}/readers", messages.Readers.as_view()),
    path(f"{_ONE}/trace", messages.Trace.as_view()),
    path("offline", messages.Offline.as_view()),
    path("contacts", contacts.Contacts.as_view()),
    path("contacts/<str:user>", contacts.Contact.as_view()),
    path("people", contacts.People.as_view()),
    path("presence", contacts.PresenceCall.as_view()),
    path("heartbeat", contacts.Heartbeat.as_view()),
    path("broadcasts", broadcasts.Broadcasts.as_view()),
    path("search", search.Search.as_view()),
    re_path("", base.no_such_call),
]
