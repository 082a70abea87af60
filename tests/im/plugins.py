"""The reply bot is installed for a test: in a folder of its own, in any version, as pip would lay it out."""

from __future__ import annotations

import shutil
from pathlib import Path

from deploy.stand.site import REPOSITORY

REPLY_BOT = "reply-bot"
SOURCE = REPOSITORY / "docs" / "howto" / "reply_bot" / "reply_bot.py"


def install(root: Path, version: str, *, broken: bool = False) -> Path:
    """Return a folder for `sys.path` in which the reply bot is installed; `broken`: it raises always."""
    folder = root / f"reply-bot-{version}"
    info = folder / f"reply_bot-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: reply-bot\nVersion: {version}\n")
    entry = f"[confplatform.processors]\n{REPLY_BOT} = reply_bot:ReplyBot\n"
    (info / "entry_points.txt").write_text(entry)
    shutil.copy(SOURCE, folder)
    if broken:
        module = folder / "reply_bot.py"
        code = module.read_text().replace(
            "word, _, rest =", "raise RuntimeError('no')\n        word, _, rest ="
        )
        module.write_text(code)
    return folder
