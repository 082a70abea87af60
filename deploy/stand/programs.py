"""The command line of each process of a site: the words after `python`."""

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


def web(port: int) -> list[str]:
    """Return the web server, which serves pages and APIs."""
    return [
        *("-m", "gunicorn", "confplatform.wsgi:application", "--worker-class", "gthread"),
        *("--workers", "1", "--threads", "96", "--bind", f"127.0.0.1:{port}"),
        *("--graceful-timeout", "25", "--keep-alive", "30", "--no-control-socket"),
    ]


def worker(name: str) -> list[str]:
    """Return the worker, which runs timers, consumers and relay."""
    argv = [*CELERY, "worker", "-P", "threads", "-c", "2", "-n", name]
    return [*argv, "--without-gossip", "--without-mingle", "-l", "WARNING"]


def beat() -> list[str]:
    """Return the scheduler. It has no pid file, which would make it refuse to start again after a kill -9."""
    return [*CELERY, "beat", "-l", "WARNING", "--pidfile="]


def simulator(units: int, conferences: int) -> list[str]:
    """Return the simulator of media units, which has no media."""
    argv = ["manage.py", "cmu_simulator", "--units", str(units)]
    return [*argv, "--conferences", str(conferences)]
