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
STAGES = ("stream", "parse", "process", "route")
UNIT_CONFERENCES = 20
UNIT_PORTS = 190  # a media unit's range of RTP ports allows no more


def messages(door_port: int, stages: bool) -> dict[str, list[str]]:
    """Return by name the commands of instant messages: the brokers' auth backend, and the message center.

    The center is one process, or with `stages` one for each of its stages.
    """
    commands = {"door": [*DOOR, "--port", str(door_port)]}
    if not stages:
        return {**commands, "center": [*CENTER]}
    return commands | {stage: [*CENTER, "--stage", stage] for stage in STAGES}


def connections_of_center(stages: bool) -> int:
    """Return how many connections of a message center consume, once it is ready.

    One more than the stages answers other servers (`queue_center`).
    """
    return len(STAGES) + 1 if stages else 1


def web(port: int) -> list[str]:
    """Return the command of the web server, which serves pages and APIs."""
    return [
        *("-m", "gunicorn", "confplatform.wsgi:application", "--worker-class", "gthread"),
        *("--workers", "1", "--threads", "96", "--bind", f"127.0.0.1:{port}"),
        *("--graceful-timeout", "25", "--keep-alive", "30", "--no-control-socket"),
        *("--limit-request-line", "8190"),
    ]


def push(port: int) -> list[str]:
    """Return the command of the process that pushes events to programs."""
    return ["manage.py", "push", "--port", str(port)]


def worker(name: str) -> list[str]:
    """Return the command of a Celery worker, which runs timers, and receives and sends messages."""
    argv = [*CELERY, "worker", "-P", "threads", "-c", "2", "-n", name]
    return [*argv, "--without-gossip", "--without-mingle", "-l", "WARNING"]


def beat() -> list[str]:
    """Return the command of Celery's scheduler. With a pid file it would refuse to start again after a kill -9."""
    return [*CELERY, "beat", "-l", "WARNING", "--pidfile="]


def simulator(units: int, conferences: int) -> list[str]:
    """Return the command of the simulator of media units, which answers messages, but has no audio and video."""
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
