"""The front of a site: a private nginx on the public port, with the limits of deploy/front/ before the web process."""

import resource
from pathlib import Path

from deploy.stand.ports import Ports
from deploy.stand.process import Process
from deploy.stand.server import base_env, program, write_private

SHARED = Path(__file__).resolve().parents[1] / "front"
MOST_FILES = 16384
FILES_BESIDE = 64
"""The number of files that nginx may have open besides its connections."""

# master_process off: nginx' own supervisor would write its title over the environment by which we know our processes,
# and the stand restarts what ends. All people of a stand come from one address, hence the numbers for each address.
CONFIG = """\
daemon off;
master_process off;
pid nginx.pid;
error_log stderr warn;
events {{ worker_connections {connections}; }}
http {{
    include "{shared}/http.conf";
    access_log off;
    upstream web {{ server 127.0.0.1:{web}; keepalive 32; keepalive_timeout 25s; }}
    upstream push {{ server 127.0.0.1:{push}; }}
    upstream web_mqtt {{ server 127.0.0.1:{mqtt}; }}
    upstream web_stomp {{ server 127.0.0.1:{stomp}; }}
    map "" $front_scheme {{ default $scheme; }}
    limit_conn_zone $front_visitor zone=addresses:1m;
    limit_conn_zone $front_visitor zone=pushes:1m;
    limit_req_zone $front_visitor zone=requests:1m rate=2000r/s;
    server {{
        listen 127.0.0.1:{port} default_server backlog=4096;
        limit_conn addresses 1000;
        limit_req zone=requests burst=4000 nodelay;
        include "{shared}/server.conf";
    }}
}}
"""


def max_open_files() -> int:
    """Return how many files nginx may open: MOST_FILES, or as many as the system allows this user."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_FILES if hard == resource.RLIM_INFINITY else min(MOST_FILES, hard)


def front(directory: Path, ports: Ports) -> Process:
    """Return the nginx process that listens on the public port of a site, before its web processes; not yet started."""
    place = directory / "front"

    def write_config() -> None:
        """Write the configuration file of nginx."""
        place.mkdir(parents=True, exist_ok=True)
        place.chmod(0o700)
        text = CONFIG.format(
            connections=files - FILES_BESIDE,
            shared=SHARED,
            web=ports.web,
            push=ports.push,
            mqtt=ports.clients_broker + 6,  # the broker's ports for MQTT and STOMP over WebSocket
            stomp=ports.clients_broker + 7,
            port=ports.public,
        )
        write_private(place / "nginx.conf", text)

    files = max_open_files()
    # Each connection takes two open files, here and to the web process, so nginx gets as many as the machine allows.
    argv = [program("prlimit"), f"--nofile={files}:", program("nginx"), "-e", "stderr"]
    argv += ["-p", str(place), "-c", str(place / "nginx.conf")]
    return Process(
        "front",
        argv,
        directory=directory,
        env=base_env(place),
        supervised=True,
        before_start=write_config,
    )
