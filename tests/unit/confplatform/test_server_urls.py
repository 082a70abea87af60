"""A URL of a server that asks for what would have no effect is refused at start, by a sentence with the variable."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from foundation.tls import AMQP, HTTP, MARIADB, REDIS, UnusableUrl, check_url, mariadb_arguments
from media_unit.config import BadConfig, from_environment

UNIT = {"CMU_IP": "192.0.2.1", "CMU_DIR": "/tmp/unit", "CMU_PORT_BASE": "20000"}
PRINT = (
    "import json; from confplatform import settings as s; print(json.dumps([s.REDIS_URL, s.CELERY_BROKER_USE_SSL,"
    " s.DATABASES['default']['OPTIONS'].get('ssl_mode'), s.DATABASES['default']['OPTIONS'].get('ssl')]))"
)


@pytest.mark.parametrize(
    ("url", "schemes", "words"),
    [
        ("amqpx://a:b@h/", AMQP, "the scheme is 'amqpx'; write amqp or amqps"),
        ("amqp://a:b@h/?ssl=1", AMQP, "?ssl would have no effect"),
        ("redis://h/0?ssl_ca_certs=/x", REDIS, "?ssl_ca_certs would have no effect"),
        ("http://h?x=1", HTTP, "?x would have no effect"),
        ("postgres://h/x", MARIADB, "the scheme is 'postgres'; write mysql"),
        ("mysql://h/x?ssl=true", MARIADB, "?ssl would have no effect"),
        ("mysql://h/x?ssl_mode=REQUIRED", MARIADB, "ssl_mode must be VERIFY_IDENTITY"),
        ("mysql://h/x?ssl_ca=/ca.pem", MARIADB, "ssl_mode must be VERIFY_IDENTITY"),
    ],
)
def test_what_would_have_no_effect_is_refused_without_the_password(
    url: str, schemes: tuple[str, ...], words: str
) -> None:
    with pytest.raises(UnusableUrl) as refusal:
        check_url(url, schemes)
    assert words in str(refusal.value)


@pytest.mark.parametrize(
    ("url", "schemes"),
    [
        ("", HTTP),
        ("amqps://a:b@h:5671/%2F", AMQP),
        ("rediss://:b@h:6379/0", REDIS),
        ("mysql://a:b@h/x?ssl_mode=VERIFY_IDENTITY&ssl_ca=/ca.pem", MARIADB),
    ],
)
def test_what_is_honoured_is_taken(url: str, schemes: tuple[str, ...]) -> None:
    check_url(url, schemes)


def test_a_mariadb_url_names_its_authorities_or_takes_those_of_the_site() -> None:
    url = "mysql://a:b@h/x?ssl_mode=VERIFY_IDENTITY"
    assert mariadb_arguments("mysql://a:b@h/x", "/ca.pem") == {}
    assert mariadb_arguments(url, "/ca.pem")["ssl"] == {"ca": "/ca.pem"}
    assert mariadb_arguments(url + "&ssl_ca=/own.pem", "/ca.pem")["ssl"] == {"ca": "/own.pem"}
    assert mariadb_arguments(url, "")["ssl"] == {"ca": "/etc/ssl/certs/ca-certificates.crt"}


def _start(**variables: str) -> subprocess.CompletedProcess[str]:
    """Load the settings in a process with these variables alone, and print those that are about TLS."""
    env = {"PATH": os.environ["PATH"], "SECRET_KEY": "x", **variables}
    return subprocess.run(
        [sys.executable, "-c", PRINT], env=env, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AMQP_URL", "amqp://h/?ssl=1"),
        ("PEERS", "there=ftp://h/"),
        ("REGISTER_URL", "mysql://h/x?ssl_mode=PREFERRED"),
        ("DATABASE_URL", "mysql://h/x?sslmode=require"),
        ("TLS_CA_FILE", "/nowhere.pem"),
    ],
)
def test_the_settings_refuse_to_start_and_name_the_variable(name: str, value: str) -> None:
    result = _start(**{name: value})
    assert result.returncode != 0
    assert f"{name}: " in result.stderr.splitlines()[-1]


def test_all_servers_get_the_authorities_of_the_site() -> None:
    authorities = "/etc/ssl/certs/ca-certificates.crt"
    result = _start(
        TLS_CA_FILE=authorities,
        AMQP_URL="amqps://h/",
        REDIS_URL="rediss://h/0",
        DATABASE_URL="mysql://h/x?ssl_mode=VERIFY_IDENTITY",
    )
    assert result.returncode == 0, result.stderr
    redis_url, celery, mode, database = json.loads(result.stdout)
    assert redis_url == "rediss://h/0?ssl_ca_certs=%2Fetc%2Fssl%2Fcerts%2Fca-certificates.crt"
    assert celery["context"] == {"cafile": authorities, "check_hostname": True}
    assert (mode, database) == ("VERIFY_IDENTITY", {"ca": authorities})


def test_a_media_unit_refuses_a_brokers_url_that_would_not_be_encrypted_as_it_says() -> None:
    assert from_environment({**UNIT, "AMQP_URL": "amqps://h/"}).amqp_url == "amqps://h/"
    with pytest.raises(BadConfig, match=r"AMQP_URL: \?ssl would have no effect"):
        from_environment({**UNIT, "AMQP_URL": "amqp://h/?ssl=1"})
