"""People's devices may control calls over the broker as over HTTP: call, ring, answer, decline, hang up.

The message center, which reads the devices' messages, calls `handle_signal` for each. The effects and notices are the
same as those of a request over HTTP.
"""

from __future__ import annotations

from datetime import datetime

from foundation.cells.directory import own_platform, store_of
from im.data import journal, people, platform_resolver
from im.data.locked_conversation import Denied
from im.rules.messages import CallSignal
from social.flows import calls
from social.flows.calls import CallRefused
from social.rules.calls import Answered, Declined, Rang


def handle_signal(sender: str, signal: CallSignal, now: datetime) -> str:
    """Handle a device's signal about a call. Return "", or the reason of the refusal: a word and a sentence."""
    platform = platform_resolver.platform_of_users([sender]).get(sender, own_platform())
    store = store_of(platform)
    me = people.people_by_id(store, [sender]).get(sender)
    if me is None:
        return "not_found: there is no such account"
    try:
        match signal.act:
            case "start":
                calls.start_call(store, me, signal.user, signal.device, now, signal.mark)
            case "ringing":
                calls.apply_event(store, signal.call, Rang(me.id), now)
            case "answer":
                calls.apply_event(store, signal.call, Answered(me.id, signal.device), now)
            case "decline":
                calls.apply_event(store, signal.call, Declined(me.id), now)
            case _:  # "hangup", the only other act
                calls.hang_up(store, me, signal.call, now)
    except CallRefused as refused:
        return f"{refused.code}: {refused.reason}"
    except Denied as denied:
        return f"{denied.why.value}: {denied.reason}"
    except (journal.NotServedHere, journal.ReadOnly):
        return "served_elsewhere: sign in at the site that serves your platform now"
    return ""
