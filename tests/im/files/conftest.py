"""Two people in one conversation, and a storage for each test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache

from domains.models import Account
from im.models import Conversation, Member
from im.rules.vocabulary import Kind
from tests.im.files.person import Person


@pytest.fixture(autouse=True)
def folders(settings: Any, tmp_path: Path) -> None:
    """Give each test a storage and a spool of its own."""
    cache.clear()
    settings.IM_SPOOL = str(tmp_path / "spool")
    folder = {**settings.STORAGES["im_files"], "OPTIONS": {"location": str(tmp_path / "files")}}
    settings.STORAGES = {**settings.STORAGES, "im_files": folder}


@pytest.fixture
def anna(platform: str) -> Person:
    return Person(Account.objects.get(username="anna"))


@pytest.fixture
def ben(platform: str) -> Person:
    return Person(Account.objects.get(username="ben"))


@pytest.fixture
def talk(anna: Person, ben: Person) -> Conversation:
    """Return a conversation of the two."""
    conversation = Conversation.objects.create(kind=Kind.DIRECT, domain="d", creator=anna.moid)
    for person in (anna, ben):
        Member.objects.create(conversation=conversation, user=person.moid, name="somebody")
    return conversation
