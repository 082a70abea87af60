"""The settings of the message center are read from environment variables."""

from __future__ import annotations

from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured


def read_settings(env: environ.Env, folder: Path) -> dict[str, object]:
    """Return the Django settings of the message center, the process that reads what chat clients send, and of XMPP.

    `folder`: where the socket of XMPP lies by default. Raises ImproperlyConfigured for a wrong value.
    """
    stages = env.str("IM_STAGES", default="local")
    if stages not in ("local", "distributed"):
        raise ImproperlyConfigured("IM_STAGES: local or distributed.")
    return {
        "IM_CENTERS": env.int("IM_CENTERS", default=1),
        "IM_STAGES": stages,
        "IM_PLUGINS": _read_plugins(env),
        "XMPP_DOMAIN": env.str("XMPP_DOMAIN", default=""),
        "XMPP_COMPONENTS": env.str("XMPP_COMPONENTS", default="127.0.0.1:5347"),
        "XMPP_SECRET": env.str("XMPP_SECRET", default=""),
        "XMPP_SOCKET": env.str("XMPP_SOCKET", default=str(folder / "xmpp" / "sign-in.sock")),
    }


def _read_plugins(env: environ.Env) -> dict[str, object]:
    """Return the chat plugins of this site, from the variable IM_PLUGINS: name -> settings of the plugin.

    Raises ImproperlyConfigured if the variable has another form.
    """
    plugins = env.json("IM_PLUGINS", default={})
    if not isinstance(plugins, dict) or not all(
        isinstance(of_plugin, dict) for of_plugin in plugins.values()
    ):
        raise ImproperlyConfigured('IM_PLUGINS: JSON, {"name": {"setting": …}, …}.')
    return plugins
