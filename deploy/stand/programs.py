"""The command line of each process of a site, without the name of the Python interpreter; and a unit's variables."""

CELERY = ("-m", "celery", "-A", "confplatform")
DOOR = (
    *(
        "-m",
        "uvicorn",
        "im.api.broker_auth.asgi:application",
        "--host",
        "127.0.0.1",
        "--no-access-log",
    ),
    *("--log-level", "warning", "--no-server-header", "--timeout-keep-alive", "600"),
)
CENTER = ("manage.py", "im_center")
XMPP = ("manage.py", "im_xmpp")
TELEPHONES = ("manage.py", "sip_gate")
STAGES = ("stream", "parse", "process", "route")
UNIT_CONFERENCES = 20
UNIT_PORTS = 190  # a media unit's range of RTP ports allows no more


def chat_commands(door_port: int, stages: bool) -> dict[str, list[str]]:
    """Return the command lines of the processes for instant messages, by name: auth backend ("door"), message center.

    The auth backend tells the broker what clients may do. The center, which reads what they send, is one process, or
    with `stages` one for each step of its work.
    """
    commands = {"door": [*DOOR, "--port", str(door_port)]}
    if not stages:
        return {**commands, "center": [*CENTER]}
    return commands | {stage: [*CENTER, "--stage", stage] for stage in STAGES}


def connections_of_center(stages: bool) -> int:
    """Return how many connections of the message center (reader of clients' messages) consume once it is ready.

    With `stages` each step of its work is a process with one, and one more answers other servers.
    """
    return len(STAGES) + 1 if stages else 1


def web_command(port: int) -> list[str]:
    """Return the command line of the web server, which serves pages and APIs on this port of loopback."""
    return [
        *("-m", "gunicorn", "confplatform.wsgi:application", "--worker-class", "gthread"),
        *("--workers", "1", "--threads", "96", "--bind", f"127.0.0.1:{port}"),
        *("--graceful-timeout", "25", "--keep-alive", "30", "--no-control-socket"),
        *("--limit-request-line", "8190"),
    ]


def push_command(port: int) -> list[str]:
    """Return the command line of the process that pushes events to programs of other people."""
    return ["manage.py", "push", "--port", str(port)]


def worker_command(name: str) -> list[str]:
    """Return the command line of a Celery worker, which runs timers, and receives and sends messages."""
    argv = [*CELERY, "worker", "-P", "threads", "-c", "2", "-n", name]
    return [*argv, "--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "WARNING"]


def film_worker_command(name: str) -> list[str]:
    """Return the command line of the Celery worker that makes films of recordings, one at a time."""
    return [*worker_command(name), "-Q", "media", "-c", "1"]


def beat_command() -> list[str]:
    """Return the command line of Celery's scheduler, without a pid file, which could keep it from starting again."""
    return [*CELERY, "beat", "-l", "WARNING", "--pidfile="]


def simulator_command(units: int, conferences: int) -> list[str]:
    """Return the command line of simulated media units, which answer messages, but have no audio and video.

    `conferences` is how many each unit can hold.
    """
    argv = ["manage.py", "cmu_simulator", "--units", str(units)]
    return [*argv, "--conferences", str(conferences)]


def unit_variables(number: int, port_base: int) -> dict[str, str]:
    """Return the environment variables of the agent of media unit 1, 2, ..., whose ports begin with `port_base`."""
    return {
        "CMU_IP": "127.0.0.1",
        "CMU_PID": f"u{number}",
        "CMU_PORT_BASE": str(port_base),
        "CMU_CAPACITY_CONFS": str(UNIT_CONFERENCES),
        "CMU_CAPACITY_PORTS": str(UNIT_PORTS),
    }
