"""The table of all exchanges, routing keys and queues on the platform's broker.

The names are spelt as in the specification (`monitor.plamform.k` included). Names that it leaves open have the form
`module.function.{ex,k,q}[:custom]` (ARCH §9.2).
"""

from __future__ import annotations

from foundation.bus.limits import DAY_MS, HOUR_MS, MIB, QueueLimit
from foundation.bus.protocol import NamedRoute, Route


class Routes(NamedRoute):
    """The routes: exchange, its type, routing key, queue. The exchange "" is the default one: the key is the queue."""

    CM_TO_CSS = Route("MAU.CMMAU.EX", "direct", "MAU.CMMAU.K", "MAU.CMMAU.Q")
    CM_TO_UNIT = Route("mau.cmmcu.ex", "direct", "cm.cmmcu.key", "mau.cmmcu.q")
    UNIT_TO_CSS = Route("mau.cmumau.ex", "direct", "mau.cmumau.k", "mau.cmumau.q")
    CSS_TO_UNIT = Route("cmu.conf.ex", "direct", "", "")
    CSS_TO_CM = Route("MEETING.CSS.EX", "direct", "MEETING.CSS.K", "meeting.css.q")
    STATE_TO_CM = Route("meeting.mccntf.ex", "direct", "meeting.mccntf.k", "meeting.mccntf.q")
    TO_RMS = Route("RMS.RES.EX", "direct", "RMS.RES.K", "RMS.RES.Q")
    GATE_TO_CSS = Route("mau.apsmau.ex", "direct", "mau.apsmau.k", "mau.apsmau.q")
    TO_GATES = Route("aps.conf.ex", "direct", "aps.conf.k", "")
    RMS_TO_CSS = Route("", "direct", "MAU.RPCRES.Q", "MAU.RPCRES.Q")
    NODE_TO_RMS = Route("rms.node.ex", "direct", "rms.node.k", "rms.node.q")
    PMS_TO_CSS = Route("", "direct", "MAU.RPCPLATINFO.Q", "MAU.RPCPLATINFO.Q")
    ROOM_NOTICE = Route("monitor.notify.ex", "topic", "monitor.server_room.k", "mau.monitor.q")
    PLATFORM_NOTICE = Route("monitor.notify.ex", "topic", "monitor.plamform.k", "mau.monitor.q")
    DOMAIN_NOTICE = Route("bmc.notify.ex", "topic", "bmc.domain.k", "mau.bmc.q")
    ACCOUNT_NOTICE = Route("bmc.notify.ex", "topic", "bmc.account.k", "mau.bmc.q")
    LICENCE_NOTICE = Route("bmc.notify.ex", "topic", "bmc.license.k", "mau.bmc.q")
    BMC_LICENCE = Route("bmc.req.ex", "direct", "bmc.license.k", "bmc.req.q")
    BMC_SYNC = Route("bmc.req.ex", "direct", "bmc.sync.k", "bmc.req.q")
    BMC_CALL_RECORD = Route("bmc.req.ex", "direct", "bmc.cdr.k", "bmc.req.q")
    LICENCE_IN_FORCE = Route("platform.license.ex", "topic", "platform.license.ntf.k", "")
    MS_TO_CSS = Route("mau.license.ex", "direct", "mau.license.k", "mau.license.q")
    TO_UPU = Route("upu.conf.ex", "direct", "upu.conf.k", "upu.conf.q")
    TO_NPP = Route("npp.conf.ex", "direct", "npp.conf.k", "npp.conf.q", role="npp")
    TO_NMS = Route("nms.report.ex", "topic", "nms.css.k", "", role="nms")


DEAD_QUEUE = "mau.dead.q"
"""The queue of messages that could not be handled. Nothing consumes it; each message has a row of `Parked`."""


def pms_queue(platform: str) -> str:
    """Return the name of the queue on which a platform's monitor (PMS) receives requests."""
    return f"monitor.req.q:{platform}"


def unit_key(ip: str, pid: str = "") -> str:
    """Return the routing key of messages to one media unit; `pid` is its instance name where an address has several."""
    return "cmu.conf.k:" + (f"{ip}:{pid}" if pid else ip)


def unit_queue(ip: str, pid: str = "") -> str:
    """Return the name of the queue that one media unit, of this address and instance name, declares and reads."""
    return "cmu.conf.q:" + (f"{ip}:{pid}" if pid else ip)


def gate_key(ip: str, pid: str = "") -> str:
    """Return the routing key of messages to one gate of telephones, of this address and instance name (`pid`)."""
    return "aps.conf.k:" + (f"{ip}:{pid}" if pid else ip)


def gate_queue(ip: str, pid: str = "") -> str:
    """Return the name of the queue that one gate of telephones declares and reads."""
    return "aps.conf.q:" + (f"{ip}:{pid}" if pid else ip)


LIMITS = (
    # Queues of other parties: they must neither grow without end nor keep stale requests.
    QueueLimit(
        "limits",
        r"^(meeting\.|nms|upu|npp|bmc\.req)",
        {"max-length": 10_000, "max-length-bytes": 64 * MIB, "message-ttl": HOUR_MS},
    ),
    # Copies of parked messages. What an operator may publish again is in the database.
    QueueLimit(
        "limits.dead",
        r"^mau\.dead\.q$",
        {"max-length": 10_000, "max-length-bytes": 64 * MIB, "message-ttl": 7 * DAY_MS},
    ),
    # Queues of media units and gates: each declares its own when it starts, and may never come back.
    QueueLimit(
        "limits.units",
        r"^(cmu|aps)\.conf\.q",
        {
            "max-length": 10_000,
            "max-length-bytes": 64 * MIB,
            "message-ttl": HOUR_MS,
            "expires": 7 * DAY_MS,
        },
    ),
)
