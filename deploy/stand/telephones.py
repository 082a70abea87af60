"""Private servers on loopback by which telephones call in: the SIP edge (Kamailio), and the media relay (rtpengine)."""

from collections.abc import Iterator
from pathlib import Path

from deploy.stand.ports import Ports, answers, is_free
from deploy.stand.process import Process
from deploy.stand.server import Server, program

CONFIG = Path(__file__).resolve().parents[1] / "kamailio" / "kamailio.cfg"
RTP_PORTS = 30
"""So many ports are for the sound of telephones: four for a call, which is enough for a trial."""

_OPTIONS = b"""OPTIONS sip:127.0.0.1 SIP/2.0\r
Via: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bKready;rport\r
From: <sip:stand@127.0.0.1>;tag=ready\r
To: <sip:127.0.0.1>\r
Call-ID: ready\r
CSeq: 1 OPTIONS\r
Max-Forwards: 5\r
Content-Length: 0\r
\r
"""


class Kamailio(Server):
    """The SIP edge: telephones connect to `port` by UDP and TCP; it hands calls to the gate at `port` + 1."""

    kind = "kamailio"

    @property
    def address(self) -> str:
        """Return the address that telephones call, without a number."""
        return f"127.0.0.1:{self.port}"

    def prepare(self) -> Process:
        """Return the server process, with the configuration of production, not yet started."""
        here = f"127.0.0.1:{self.port}"
        argv = [program("kamailio"), "-DD", "-E", "-m", "32", "-M", "8", "-f", str(CONFIG)]
        argv += [
            "-l",
            f"udp:{here}",
            "-l",
            f"tcp:{here}",
            "-A",
            f'GATE="127.0.0.1:{self.port + 1}"',
        ]
        argv += ["-Y", str(self.directory), "-P", str(self.directory / "server.pid")]
        return self._process(argv)

    def ready(self) -> bool:
        """Return whether the edge answers a SIP request."""
        return self.alive and answers(self.port, _OPTIONS, b"200 OK")


class MediaRelay(Server):
    """The media relay takes commands at `port`, and tells pressed keys to the gate at `port` + 1."""

    kind = "rtpengine"

    def __init__(self, directory: Path, port: int, first_rtp_port: int) -> None:
        """Prepare a relay with its files in `directory`; the sound of calls uses the ports from `first_rtp_port` on."""
        super().__init__(directory, port)
        self.first_rtp_port = first_rtp_port

    def prepare(self) -> Process:
        """Return the server process, which needs no kernel module and no root, not yet started."""
        argv = [program("rtpengine"), "--config-file=none", "--table=-1", "--foreground"]
        argv += ["--log-stderr", "--log-level=4", "--num-threads=2", "--interface=127.0.0.1"]
        argv += [f"--port-min={self.first_rtp_port}"]
        argv += [f"--port-max={self.first_rtp_port + RTP_PORTS - 1}"]
        argv += [f"--listen-ng=127.0.0.1:{self.port}", f"--listen-cli=127.0.0.1:{self.port}"]
        argv += [f"--dtmf-log-dest=127.0.0.1:{self.port + 1}"]
        return self._process(argv)

    def ready(self) -> bool:
        """Return whether the relay runs and listens; the TCP port of its command line tells, opened beside UDP."""
        return self.alive and not is_free(self.port)


class TelephoneServers:
    """The servers by which telephones call in to one site, and the environment variables of its gate."""

    def __init__(self, site: Path, ports: Ports) -> None:
        """Prepare the servers, with their files in the directory of the site."""
        self.edge = Kamailio(site / "kamailio", ports.sip)
        self.relay = MediaRelay(site / "rtpengine", ports.sip + 2, ports.first_telephone_rtp)

    def __iter__(self) -> Iterator[Server]:
        """Yield both servers."""
        yield from (self.edge, self.relay)

    @property
    def variables(self) -> dict[str, str]:
        """Return the environment variables of the site's gate of telephones, except its directory."""
        return {
            "APS_IP": "127.0.0.1",
            "APS_PID": "a1",
            "APS_SIP_PORT": str(self.edge.port + 1),
            "APS_RTPENGINE": f"127.0.0.1:{self.relay.port}",
            "APS_DIGITS": f"127.0.0.1:{self.relay.port + 1}",
        }
