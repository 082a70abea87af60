"""The unit reports who shares a screen: real RabbitMQ, real Janus, a person with two pictures."""

from __future__ import annotations

from typing import Any

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from media_unit.gate_rules import VIDEO
from tests.media.conftest import Platform, Unit
from tests.media.people import Person, Picture, until

Body = dict[str, Any]
CAMERA, SCREEN = ({"mid": "0", "description": "camera"}, {"mid": "1", "description": "screen"})


async def test_who_shares_a_screen_is_reported_until_it_ends_also_by_an_agent_that_was_killed(
    unit: Unit, platform_side: Platform
) -> None:
    ack = await platform_side.creates("u1")
    anna = await Person("anna", 440).join(ack["join"])
    assert anna.session is not None
    handle, peer = await anna.session.attach(VIDEO), RTCPeerConnection(RTCConfiguration([]))

    async def offers(body: Body) -> None:
        assert anna.session is not None
        await peer.setLocalDescription(await peer.createOffer())
        offer = {"type": "offer", "sdp": peer.localDescription.sdp}
        _, answer = await anna.session.ask(handle, body, offer)
        await peer.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))

    webrtc = ack["join"]["webrtc"]
    who: Body = {"pin": webrtc["pin"], "display": "anna", "id": anna.id, "audio": False}
    peer.addTrack(Picture((30, 90, 160)))
    enter = {"request": "joinandconfigure", "ptype": "publisher", "room": webrtc["videoroom"]}
    await offers({**enter, **who, "descriptions": [CAMERA]})
    peer.addTrack(Picture((200, 90, 160)))
    await offers({"request": "configure", "descriptions": [CAMERA, SCREEN]})
    notice = await platform_side.hears_people(
        "8800001", lambda mts: any("dual" in mt for mt in mts)
    )
    assert notice["mts"][0]["dual"] == 1
    unit.kill_agent()
    platform_side.said.clear()
    await unit.start()
    held = await platform_side.hears("CMU_MAU_CONFLIST_NTF", pid="u1")
    assert held["confs"][0]["mts"][0]["dual"] == 1
    peer.getTransceivers()[1].direction = "inactive"
    await offers({"request": "configure"})
    await platform_side.hears_people("8800001", lambda mts: not any("dual" in mt for mt in mts))

    peer.getTransceivers()[1].direction = "sendonly"
    await offers({"request": "configure", "descriptions": [CAMERA, SCREEN]})
    await platform_side.hears_people("8800001", lambda mts: any("dual" in mt for mt in mts))
    only_chairs = {"chairsonly": ["share", "unmute"]}
    await platform_side.controls("u1", "ARRANGE", changes=only_chairs)
    events = anna.session.events
    assert await until(lambda: any("kicked" in str(event) for event in events)), "she shares on"
    await platform_side.hears_people(
        "8800001", lambda mts: mts[0]["mute"] == 1 and not any("dual" in mt for mt in mts)
    )
    await peer.close()
    await anna.leave()
