"""A conference from start to end, by the Python client that openapi-python-client generates."""

from __future__ import annotations

import os
import time

from conference_platform_client import AuthenticatedClient
from conference_platform_client.api.mc import mc_confs_create, mc_confs_destroy
from conference_platform_client.api.vc import (
    vc_confs_chairman_update,
    vc_confs_delay_create,
    vc_confs_list,
    vc_confs_mts_create,
    vc_confs_mts_destroy,
    vc_confs_mts_mute_update,
    vc_confs_mts_retrieve,
    vc_confs_name_create,
    vc_confs_retrieve,
    vc_confs_speaker_update,
    vc_confs_vmps_create,
    vc_confs_vmps_destroy,
)
from conference_platform_client.models import (
    ConfParams,
    Delay,
    InvitedMember,
    InvitedMembers,
    Picture,
    PlaceInPicture,
    Problem,
    Role,
    Switch,
    TerminalId,
    TerminalIds,
    TextValue,
)

client = AuthenticatedClient(base_url=os.environ["API_URL"], token=os.environ["API_TOKEN"])


def done(answer):
    """Return an answer that is a success."""
    assert not isinstance(answer, Problem), answer
    assert answer is not None
    assert answer.success == 1, answer
    return answer


def terminals(count):
    """Return the terminals of the conference once there are so many."""
    for _ in range(100):
        listed = done(vc_confs_mts_retrieve.sync(number, client=client)).mts
        if len(listed) == count:
            return listed
        time.sleep(0.1)
    raise AssertionError(f"{count} terminals expected, there are {listed}")


invited = [InvitedMember(account=account, account_type=5) for account in ("7001", "7002")]
wanted = ConfParams(name="By a Python client", duration=60, invite_members=invited)
number = done(mc_confs_create.sync(client=client, body=wanted)).conf_id
assert number in [
    conference.conf_id for conference in done(vc_confs_list.sync(client=client)).confs
]
first, second = (terminal.mt_id for terminal in terminals(2))
done(vc_confs_chairman_update.sync(number, client=client, body=Role(mt_id=first)))
done(vc_confs_speaker_update.sync(number, client=client, body=Role(mt_id=second)))
done(vc_confs_mts_mute_update.sync(number, first, client=client, body=Switch(value=1)))
place = PlaceInPicture(chn_idx=0, member_type=1, mt_id=first)
picture = Picture(mode=1, layout=2, members=[place])
done(vc_confs_vmps_create.sync(number, client=client, body=picture))
done(vc_confs_vmps_destroy.sync(number, "1", client=client))
called = InvitedMembers(mts=[InvitedMember(account="7003", account_type=5)])
third = done(vc_confs_mts_create.sync(number, client=client, body=called)).mts[0].mt_id
removed = TerminalIds(mts=[TerminalId(mt_id=third)])
done(vc_confs_mts_destroy.sync(number, client=client, body=removed))
terminals(2)
done(vc_confs_delay_create.sync(number, client=client, body=Delay(delay_time=15)))
done(vc_confs_name_create.sync(number, client=client, body=TextValue(value="Renamed")))
detail = done(vc_confs_retrieve.sync(number, client=client))
assert detail.duration == 75, detail.duration
done(mc_confs_destroy.sync(number, client=client))
gone = vc_confs_retrieve.sync(number, client=client)
assert isinstance(gone, Problem), gone
assert (gone.status, gone.error_code) == (404, 12103), gone
print("held a conference from start to end")
