"""The virtual hosts of a broker, and who may do what in them, are set up by its management API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import quote, unquote, urlsplit

from foundation.bus.management_api import call_api, vhost_in_path

ALL = {"configure": ".*", "write": ".*", "read": ".*"}
PUBLISH = {"configure": "^$", "write": ".*", "read": "^$"}
"""What the links of other sites need: they send, declare nothing, and read nothing. The core needs ALL: it declares
the queues of requests to it, and consumes them."""


def make_virtual_hosts(management_url: str, amqp_urls: Iterable[str]) -> list[str]:
    """Create the virtual hosts of these URLs where they are missing, with all rights for the user of each URL.

    Return their names. It may be repeated. Raises BrokerUnavailable.
    """
    names = []
    for url in amqp_urls:
        host, user = vhost_in_path(url), unquote(urlsplit(url).username or "")
        call_api(management_url, "PUT", f"/vhosts/{host}", {})
        call_api(management_url, "PUT", f"/permissions/{host}/{quote(user, safe='')}", ALL)
        names.append(unquote(host))
    return names


def admit_peer(
    management_url: str, amqp_url: str, name: str, password: str, rights: Mapping[str, str]
) -> None:
    """Create the account by which another deployment uses this broker, or give it this password.

    It has these rights in the virtual host of `amqp_url`, and none elsewhere. Raises BrokerUnavailable.
    """
    user = quote(name, safe="")
    call_api(management_url, "PUT", f"/users/{user}", {"password": password, "tags": ""})
    call_api(management_url, "PUT", f"/permissions/{vhost_in_path(amqp_url)}/{user}", rights)
