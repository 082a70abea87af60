"""The configuration files of a unit's Janus, and the secrets that Janus, agent and gate share."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path

from media_unit.child_user import ChildUser
from media_unit.config import UnitConfig
from media_unit.gate_rules import GateSettings, make_token
from media_unit.state_file import put_aside


@dataclass(frozen=True, slots=True)
class Secrets:
    """Represent the random secrets of one unit. None of them ever leaves the machine."""

    api: str
    admin: str
    rooms: str
    tokens: str
    events: str

    def janus_room(self, e164: str, incarnation: int) -> str:
        """Return the name of a conference's Janus rooms, from its number (`e164`) and incarnation.

        The incarnation grows each time the conference is placed on a unit. The name cannot be guessed, since Janus
        lists the participants of a room to whoever knows its name.
        """
        plain = f"{e164}-{incarnation}"
        return f"{plain}-{self._derived_secret('room', plain)[:24]}"

    def room_secret(self, janus_room: str) -> str:
        """Return the secret that lets the agent change a Janus room. Users never see it."""
        return self._derived_secret("secret", janus_room)

    def pin(self, janus_room: str, password: str) -> str:
        """Return the PIN of a Janus room; it cannot be guessed, however short the password is."""
        return self._derived_secret("pin", janus_room, password)[:24]

    @property
    def gate_path(self) -> str:
        """Return the secret path under which the gate (the proxy before Janus) takes requests of this unit's agent."""
        return self._derived_secret("gate")

    def token(self, now: float, janus_room: str) -> str:
        """Return the token that lets a participant talk to Janus about this Janus room alone."""
        return make_token(self.tokens, janus_room, now)

    def _derived_secret(self, *words: str) -> str:
        """Return a secret that is derived from the unit's secret `rooms` and these words, always in the same way."""
        return hmac.new(self.rooms.encode(), "\0".join(words).encode(), hashlib.sha256).hexdigest()


def load_secrets(directory: Path) -> Secrets:
    """Return a media unit's secrets from its directory; make them, and store them in a private file, if there are none.

    A damaged file is renamed, and new secrets are made: a Janus that runs with the old ones is then started anew.
    """
    path = directory / "secrets.json"
    try:
        keys = Secrets(**json.loads(path.read_text()))
        if all(isinstance(key, str) and key for key in asdict(keys).values()):
            return keys
        put_aside(path, "a secret is missing")
    except FileNotFoundError:
        pass
    except (ValueError, TypeError) as error:
        put_aside(path, str(error))
    keys = Secrets(*(secrets.token_hex(24) for _ in range(5)))  # one for each field
    new = path.with_suffix(".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(asdict(keys), file)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    return keys


def e164_of(janus_room: str) -> str:
    """Return the number of the conference that a Janus room belongs to, from the room's name.

    A name that is not ours gives a string that is no number of a conference here.
    """
    return janus_room.partition("-")[0]


def write_config(
    config: UnitConfig, keys: Secrets, server_name: str, program: Path, user: ChildUser
) -> Path:
    """Write all configuration files of the Janus that is started as `program`; return their folder."""
    folder = _make_private_folder(config, "janus", user)
    files = {
        "janus": _main_config(config, keys, server_name, folder, _library_of(program)),
        "transport.http": _http_config(config),
        "transport.websockets": _websocket_config(config),
        "eventhandler.wsevh": _event_config(config, keys),
        **_plugin_configs(config, keys),
    }
    if config.compositions:
        files["plugin.streaming"] = _streaming_config(config, keys)
    for name, text in files.items():
        name = name if name == "janus" else f"janus.{name}"
        _write_private(folder / f"{name}.jcfg", text, user)
    return folder


def write_gate_config(config: UnitConfig, keys: Secrets, server_name: str, user: ChildUser) -> Path:
    """Write the settings file of the gate, the proxy before Janus; return its path."""
    settings = GateSettings(
        server_name=server_name,
        ip=config.ip,
        port=config.ws_port,
        janus_url=config.ws_url,
        admin_url=f"http://127.0.0.1:{config.admin_port}/admin",
        admin_secret=keys.admin,
        token_key=keys.tokens,
        most_sockets=4 * config.ports,
        control_port=config.control_port,
        control_path=keys.gate_path,
    )
    path = _make_private_folder(config, "gate", user) / "settings.json"
    _write_private(path, json.dumps(asdict(settings)), user)
    return path


def _make_private_folder(config: UnitConfig, name: str, user: ChildUser) -> Path:
    """Make a folder that nobody but the agent and `user` can read, and return it."""
    folder = config.directory / name
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    user.make_readable(folder)
    return folder


def _write_private(path: Path, text: str, user: ChildUser) -> None:
    """Write a text to a file that nobody but the agent and `user` can read; what was in the file is replaced."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    user.make_readable(path)


def _library_of(program: Path) -> Path:
    """Return the folder with the plugins of an installed Janus, found from the path of its program."""
    lib = program.resolve().parent.parent / "lib"
    return next(iter(sorted(lib.glob("*-linux-gnu*/janus"))), lib / "janus")


def _main_config(
    config: UnitConfig, keys: Secrets, server_name: str, folder: Path, library: Path
) -> str:
    """Return the main configuration file of Janus."""
    # Janus skips loopback unless the shim hides what it is; then every address may be offered.
    loopback = config.ip.startswith("127.") or config.ip == "::1"
    enforce = "" if loopback else f'ice_enforce_list = "{config.ip}"'
    plugins = ["audiobridge", "videoroom", "textroom"]
    plugins += ["streaming"] if config.compositions else []
    return f"""general: {{
  configs_folder = "{folder}"
  plugins_folder = "{library}/plugins"
  transports_folder = "{library}/transports"
  events_folder = "{library}/events"
  loggers_folder = "{library}/loggers"
  server_name = "{server_name}"
  log_to_stdout = true
  debug_level = 3
  debug_timestamps = true
  debug_colors = false
  api_secret = "{keys.api}"
  admin_secret = "{keys.admin}"
  token_auth = true
  token_auth_secret = "{keys.tokens}"
  session_timeout = 30
  recordings_tmp_ext = "tmp"
  hide_dependencies = true
}}
media: {{ ipv6 = {str(":" in config.ip).lower()}, rtp_port_range = "{config.rtp_ports}" }}
nat: {{
  {enforce}
  ice_ignore_list = "vmnet"
}}
plugins: {{ disable = "{_unwanted_modules("plugins", library, plugins)}" }}
transports: {{ disable = "{_unwanted_modules("transports", library, ("http", "websockets"))}" }}
loggers: {{ disable = "libjanus_jsonlog.so" }}
events: {{
  broadcast = true, combine_media_stats = true, stats_period = 0
  disable = "{_unwanted_modules("events", library, ("wsevh",))}"
}}
"""


def _unwanted_modules(kind: str, library: Path, wanted: Collection[str]) -> str:
    """Return the file names, joined by commas, of the installed Janus modules of a kind that are not in `wanted`.

    Janus's option `disable` takes them. `kind` is a folder below `library`: plugins, transports or events.
    """
    installed = sorted(path.name for path in (library / kind).glob("libjanus_*.so"))
    # A name in `wanted` is without "libjanus_" and ".so".
    return ",".join(name for name in installed if name[9:-3] not in wanted)


def _http_config(config: UnitConfig) -> str:
    """Return the configuration of Janus' HTTP interfaces, which listen on loopback alone."""
    return f"""general: {{
  json = "compact", base_path = "/janus", http = true, port = {config.http_port}
  ip = "127.0.0.1", https = false
}}
admin: {{
  admin_base_path = "/admin", admin_http = true, admin_port = {config.admin_port}
  admin_ip = "127.0.0.1", admin_https = false
}}
"""


def _websocket_config(config: UnitConfig) -> str:
    """Return the configuration of Janus' WebSocket, which listens on loopback alone."""
    return f"""general: {{
  json = "compact", ws = true, ws_port = {config.janus_ws_port}, ws_ip = "127.0.0.1", wss = false
  pingpong_trigger = 10, pingpong_timeout = 5
}}
admin: {{ admin_ws = false, admin_wss = false }}
"""


def _event_config(config: UnitConfig, keys: Secrets) -> str:
    """Return the configuration by which Janus sends its events to the agent, on loopback."""
    return f"""general: {{
  enabled = true, events = "plugins,handles,media,webrtc", grouping = true, json = "compact"
  backend = "ws://127.0.0.1:{config.event_port}/{keys.events}"
}}
"""


def _plugin_configs(config: UnitConfig, keys: Secrets) -> dict[str, str]:
    """Return the configuration of the plugins for sound, video and text: file name -> text."""
    common = f'string_ids = true, admin_key = "{keys.admin}"'
    mixer = f'rtp_port_range = "{config.mixer_ports}", local_ip = "{config.ip}"'
    locked = "lock_rtp_forward = true"
    return {
        "plugin.audiobridge": (
            f'general: {{ {common}, {mixer}, {locked}, lock_play_file = true, record_tmp_ext = "tmp" }}\n'
        ),
        "plugin.videoroom": f"general: {{ {common}, {locked} }}\n",
        "plugin.textroom": f"general: {{ {common} }}\n",
    }


def _streaming_config(config: UnitConfig, keys: Secrets) -> str:
    """Return the configuration of the plugin that offers composed pictures, which come over loopback."""
    return (
        f'general: {{ string_ids = true, admin_key = "{keys.admin}",'
        f' rtp_port_range = "{config.mixer_ports}" }}\n'
    )
