"""Call records come to the core, which keeps them as its own: once each, whatever comes again.

CSS -> BMC  CSS_BMC_CDR_NTF                              on_call_recorded
"""

from __future__ import annotations

from conferences.decisions.record import decide_kept
from conferences.messages.registry import CallRecorded
from conferences.site import Site
from confplatform.bus.envelope import Envelope
from confplatform.bus.registry import handles


@handles(CallRecorded)
def on_call_recorded(site: Site, notice: CallRecorded, envelope: Envelope) -> None:
    """A site tells of a conference that has ended; its id makes it count once."""
    site.keep_record(decide_kept(notice, site.now))
