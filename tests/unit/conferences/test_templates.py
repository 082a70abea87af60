"""Public templates, and the conferences of templates and virtual rooms, through the real flows in memory."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import orjson
import pytest

from conferences.flows.templates import StoredRefused, create_in
from conferences.rules import stored as rules
from conferences.rules.create import Tenant
from conferences.rules.registry import read_notice
from conferences.rules.states import ConferenceState
from conferences.rules.stored import Draft, Fields, Kind, StoredConference
from foundation.bus.envelope import Envelope
from foundation.clock import id_at
from tests.factories import NOW, conference, hear, memory_unit_of_work, seconds
from tests.memory import MemoryUnitOfWork, TenantFacts
from wire.conference_settings import ConferenceSettings
from wire.number_registry import NumberFree, NumberInUse
from wire.routes import Routes

Body = dict[str, Any]
_ids = itertools.count()
UNIT = {"ip": "10.0.0.1"}


@pytest.fixture
def site() -> MemoryUnitOfWork:
    """Return the data of a platform with two tenants."""
    unit_of_work = memory_unit_of_work()
    unit_of_work.facts["u2"] = TenantFacts(tenant=Tenant("u2", "main", True, hd=False))
    return unit_of_work


def ask(site: MemoryUnitOfWork, wire_type: str, **fields: Any) -> Body:
    """Send a request of a conference manager, and return its answer; {} if there is none yet."""
    body = {"type": wire_type, "reqid": f"r{next(_ids)}", "moid": "u1", **fields}
    hear(site, body, Routes.CM_TO_CSS)
    return next((b for b in bodies(site) if b.get("reqid") == body["reqid"]), {})


def bodies(site: MemoryUnitOfWork, wire_type: str = "") -> list[Body]:
    """Return the messages of the last transaction, of this type or all."""
    read = [orjson.loads(letter.body) for letter in site.outgoing]
    return [body for body in read if wire_type in ("", body["type"])]


def template(site: MemoryUnitOfWork, **fields: Any) -> Body:
    """Add a public template, and return the ACK."""
    ack = ask(site, "CM_MAU_CREATETEMPLATE_REQ", **{"templatename": "Weekly", **fields})
    assert ack["type"] == "MAU_CM_CREATETEMPLATE_ACK", ack
    return ack


def room(site: MemoryUnitOfWork, **fields: Any) -> StoredConference:
    """Keep a virtual room with a number."""
    number = site.keep_number(None, "room:room")
    kept = StoredConference(
        id="room",
        kind=Kind.ROOM,
        name="Board room",
        user_domain="u1",
        source_platform="main",
        settings=ConferenceSettings(name="Board room", duration=0),
        created_at=NOW,
        changed_at=NOW,
        e164=number or "",
        **fields,
    )
    site.stored.save(None, kept)
    return kept


def begun(site: MemoryUnitOfWork, number: str) -> list[Body]:
    """Let the RMS and a unit take the conference with this number; return what is sent when it runs."""
    c = site.live[number]
    hear(
        site,
        {"type": "GET_RES_ACK", "mcu": UNIT},
        Routes.RMS_TO_CSS,
        correlation_id=f"create:{number}:main:{c.question}",
    )
    incarnation = site.live[number].incarnation
    hear(
        site,
        {"type": "MCU_MAU_CREATECONF_ACK", "confE164": number, "incarnation": incarnation, **UNIT},
    )
    return bodies(site)


def refused(answer: Body, code: str, field: str) -> None:
    """Assert that a request is refused with this code, and that the refusal names this field."""
    assert (answer["type"][-5:], answer["errcode"]) == ("_NACK", code), answer
    assert answer["detail"].startswith(f"{field}:"), answer


# ---- public templates ---------------------------------------------------------------------------


def test_a_template_has_an_id_and_a_number_of_which_the_registry_is_told(
    site: MemoryUnitOfWork,
) -> None:
    ack = template(site)
    assert ack["templateid"]
    assert ack["confE164"].startswith("88")
    (notice,) = bodies(site, "CSS_UPU_ADDCONF_NTF")
    assert notice == {
        "type": "CSS_UPU_ADDCONF_NTF",
        "confE164": ack["confE164"],
        "conftype": 3,
        "confname": "Weekly",
        "userdomainmoid": "u1",
        "platformmoid": "main",
        "state": "idle",
    }


def test_a_template_of_another_platform_is_told_to_both_registries(site: MemoryUnitOfWork) -> None:
    site.own_site = "west"
    template(site)
    notices = [letter for letter in site.outgoing if letter.exchange == "upu.conf.ex"]
    assert {letter.destination for letter in notices} == {"main", ""}


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"moid": "nobody"}, "29002", "moid"),
        ({"templatename": "Weekly"}, "29019", "templatename"),
        ({"templateid": "t1"}, "29019", "templateid"),
        ({"confE164": "7"}, "29009", "confE164"),
        ({"moid": "u2", "resolution": "1080p"}, "29013", "resolution"),
        ({"duration": 10081}, "29011", "duration"),
        ({"maxjoinedmt": 9}, "29001", "maxjoinedmt"),
    ],
)
def test_a_template_that_cannot_be_kept_is_refused(
    site: MemoryUnitOfWork, fields: Body, code: str, field: str
) -> None:
    template(site, templateid="t1", confE164="7")
    asked = {"templatename": "Other", "confname": "Other", **fields}
    refused(ask(site, "CM_MAU_CREATETEMPLATE_REQ", **asked), code, field)
    assert len(site.stored.kept) == 1


def test_settings_that_could_not_be_read_again_are_refused(site: MemoryUnitOfWork) -> None:
    settings = ConferenceSettings(name="Room", bitrate=1)
    draft = Draft(kind=Kind.ROOM, name="Room", user_domain="u1", settings=settings)
    names = Fields("id", "name", "e164", "user_domain", "creator")
    with pytest.raises(StoredRefused) as refusal:
        create_in(site, draft, names)
    assert refusal.value.code == "29001"
    assert refusal.value.detail.startswith("bitrate:")
    assert len(site.stored.kept) == 0


def test_a_tenant_has_so_many_templates_and_no_more(
    site: MemoryUnitOfWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(rules.MAX_STORED, Kind.PUBLIC, 1)
    template(site)
    refused(ask(site, "CM_MAU_CREATETEMPLATE_REQ", templatename="B"), "29008", "templateid")


def test_what_a_change_leaves_out_stays(site: MemoryUnitOfWork) -> None:
    ack = template(site, confname="Talk", maxjoinedmt=32, confpwd="1")
    changed = ask(
        site, "CM_MAU_MDFTEMPLATE_REQ", templateid=ack["templateid"], templatename="M", duration=5
    )
    assert changed["type"] == "MAU_CM_MDFTEMPLATE_ACK"
    assert changed["confE164"] == ack["confE164"]
    kept = site.stored.kept[ack["templateid"]]
    assert (kept.name, kept.settings.name, kept.settings.places) == ("M", "Talk", 32)
    assert (kept.settings.duration, kept.settings.password) == (5, "1")
    assert bodies(site, "CSS_UPU_MDFCONF_NTF")[0]["confname"] == "M"


def test_a_change_that_is_refused_changes_nothing(site: MemoryUnitOfWork) -> None:
    site.numbers["7"] = (1, True)
    ack = template(site)
    nack = ask(site, "CM_MAU_MDFTEMPLATE_REQ", templateid=ack["templateid"], confE164="7")
    refused(nack, "29009", "confE164")
    assert site.reserved == {ack["confE164"]: f"public:{ack['templateid']}"}


def test_another_number_gives_the_old_one_back(site: MemoryUnitOfWork) -> None:
    ack = template(site)
    ask(site, "CM_MAU_MDFTEMPLATE_REQ", templateid=ack["templateid"], confE164="7")
    assert site.reserved == {"7": f"public:{ack['templateid']}"}
    removed, added = bodies(site, "CSS_UPU_DELCONF_NTF"), bodies(site, "CSS_UPU_ADDCONF_NTF")
    assert (removed[0]["confE164"], added[0]["confE164"]) == (ack["confE164"], "7")


def test_a_deleted_template_gives_its_name_and_number_back(site: MemoryUnitOfWork) -> None:
    ack = template(site, confE164="7")
    deleted = ask(site, "CM_MAU_DELTEMPLATE_REQ", templateid=ack["templateid"])
    assert deleted["type"] == "MAU_CM_DELTEMPLATE_ACK"
    assert bodies(site, "CSS_UPU_DELCONF_NTF")[0]["state"] == "idle"
    template(site, confE164="7")


@pytest.mark.parametrize("wire_type", ["CM_MAU_MDFTEMPLATE_REQ", "CM_MAU_DELTEMPLATE_REQ"])
def test_only_a_public_template_of_the_tenant_is_touched(
    site: MemoryUnitOfWork, wire_type: str
) -> None:
    room(site)
    ack = template(site)
    refused(ask(site, wire_type, templateid="none"), "29018", "templateid")
    refused(ask(site, wire_type, templateid="room"), "29018", "templateid")
    refused(ask(site, wire_type, templateid=ack["templateid"], moid="u2"), "29020", "moid")


def test_a_repeated_request_has_one_effect_and_the_same_answer(site: MemoryUnitOfWork) -> None:
    first = template(site, reqid="once")
    assert template(site, reqid="once") == first
    assert len(site.stored.kept) == 1


# ---- conferences of templates and rooms -----------------------------------------------------------


def test_a_conference_begins_with_what_the_template_says(site: MemoryUnitOfWork) -> None:
    ack = template(site, confname="Talk", maxjoinedmt=32, duration=30, confpwd="1", dr=0)
    assert ask(site, "CM_MAU_CREATECONFBYTEMP_REQ", templateid=ack["templateid"], duration=5) == {}
    c = site.live[ack["confE164"]]
    assert (c.name, c.places, c.password, c.protected) == ("Talk", 32, "1", False)
    assert (c.duration, c.conftype, c.stored_name) == (5, 3, "Weekly")
    (answer,) = (b for b in begun(site, c.e164) if b["type"].startswith("MAU_CM_"))
    assert answer["type"] == "MAU_CM_CREATECONFBYTEMP_ACK"
    assert (answer["confE164"], answer["mcu"]) == (c.e164, UNIT)


def test_all_who_ask_at_once_get_the_same_conference(site: MemoryUnitOfWork) -> None:
    kept = room(site)
    for reqid in ("a", "b", "c"):
        ask(site, "CM_MAU_CREATECONFBYTEMP_REQ", templateid=kept.id, reqid=reqid)
    answers = [b for b in begun(site, kept.e164) if b["type"] == "MAU_CM_CREATECONFBYTEMP_ACK"]
    assert [answer["reqid"] for answer in answers] == ["a", "b", "c"]
    assert len({answer["confid"] for answer in answers}) == 1
    late = ask(site, "CM_MAU_CREATECONFBYTEMP_REQ", templateid=kept.id)
    assert late["confid"] == answers[0]["confid"]
    assert len(site.conferences) == 1


def test_all_who_wait_are_told_that_there_is_no_unit(site: MemoryUnitOfWork) -> None:
    kept = room(site)
    for reqid in ("a", "b"):
        ask(site, "CM_MAU_CREATECONFBYTEMP_REQ", templateid=kept.id, reqid=reqid)
    number, c = kept.e164, site.live[kept.e164]
    none = {"type": "GET_RES_ACK"}
    hear(site, none, Routes.RMS_TO_CSS, correlation_id=f"create:{number}:main:{c.question}")
    nacks = bodies(site, "MAU_CM_CREATECONFBYTEMP_NACK")
    assert [(nack["reqid"], nack["errcode"]) for nack in nacks] == [("a", "29502"), ("b", "29502")]


def test_the_number_of_a_room_stays_its_own(site: MemoryUnitOfWork) -> None:
    kept = room(site)
    asked = {"creator": {"moid": "a"}, "confname": "x", "confE164": kept.e164}
    refused(ask(site, "CM_MAU_CREATECONF_REQ", **asked), "29009", "confE164")
    for _ in range(2):
        ask(site, "CM_MAU_CREATECONFBYTEMP_REQ", templateid=kept.id)
        begun(site, kept.e164)
        ended = ask(site, "CM_MAU_RELEASECONF_REQ", confE164=kept.e164)
        assert ended["type"] == "MAU_CM_RELEASECONF_ACK"
        refused(ask(site, "CM_MAU_CREATECONF_REQ", **asked), "29009", "confE164")
    assert {c.incarnation for c in site.conferences.values()} == {1, 2}


def test_a_free_number_is_never_one_that_is_kept(site: MemoryUnitOfWork) -> None:
    site.serials = 2
    kept = room(site)
    allocated = site.allocate_number(None)
    assert allocated is not None
    assert allocated.e164 != kept.e164
    assert site.allocate_number(None) is None


def test_an_exclusive_room_is_begun_by_its_people_alone(site: MemoryUnitOfWork) -> None:
    kept = room(site, exclusive=True, owner="ann", exclusive_users=("ben",))
    asked = {"templateid": kept.id}
    for creator in ({}, {"creator": {"moid": "eve"}}):
        nack = ask(site, "CM_MAU_CREATECONFBYTEMP_REQ", **asked, **creator)
        refused(nack, "29020", "creator")
    assert ask(site, "CM_MAU_CREATECONFBYTEMP_REQ", **asked, creator={"moid": "ben"}) == {}


def test_what_is_not_there_or_not_the_tenants_begins_nothing(site: MemoryUnitOfWork) -> None:
    kept = room(site)
    refused(ask(site, "CM_MAU_CREATECONFBYTEMP_REQ", templateid="none"), "29018", "templateid")
    nack = ask(site, "CM_MAU_CREATECONFBYTEMP_REQ", templateid=kept.id, moid="u2")
    refused(nack, "29020", "moid")


def test_a_conference_that_is_being_restored_is_answered_at_once() -> None:
    waiting = conference(ConferenceState.PENDING_RESTORE, stored_id="room")
    site = memory_unit_of_work(waiting)
    site.stored.save(None, room(memory_unit_of_work()))
    site.stored.kept["room"] = msgspec.structs.replace(site.stored.kept["room"], e164=waiting.e164)
    ack = ask(site, "CM_MAU_CREATECONFBYTEMP_REQ", templateid="room")
    assert (ack["type"], ack["confid"]) == ("MAU_CM_CREATECONFBYTEMP_ACK", waiting.confid)


# ---- the registry ---------------------------------------------------------------------------------


def test_of_two_notices_the_one_sent_later_holds_whichever_comes_first() -> None:
    fields: dict[str, Any] = {
        "e164": "1",
        "conftype": 1,
        "name": "x",
        "user_domain": "u",
        "platform": "p",
    }
    added = NumberInUse(**fields, state="running")
    gone = NumberFree(**fields, state="running")

    def version(message: NumberInUse, age: float) -> int:
        sent_at = NOW - seconds(age)
        envelope = Envelope(queue="q", message_id=f"{id_at(sent_at):x}", sent_at=sent_at)
        return read_notice(message, envelope, id_at(NOW)).version

    assert version(added, 2) < version(gone, 1) < version(added, 0.5)


@pytest.mark.parametrize("message_id", ["", "17", "zz", "1" * 40, "00000000000"])
def test_a_message_of_another_party_counts_when_it_arrives(message_id: str) -> None:
    message = NumberInUse(
        e164="1", conftype=1, name="x", user_domain="u", platform="p", state="idle"
    )
    envelope = Envelope(queue="q", message_id=message_id, sent_at=NOW)
    assert read_notice(message, envelope, 5).version == 5
