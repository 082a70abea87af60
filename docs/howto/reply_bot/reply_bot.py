"""A plugin that answers messages which begin with a word: the example of docs/howto/write-a-plugin.md."""

from __future__ import annotations

from collections.abc import Sequence

from im.rules.plugins import HeardMessage, Settings


class ReplyBot:
    """A bot that answers `!echo hello` with `hello`; its setting `word` names another word than `!echo`."""

    def __init__(self, settings: Settings) -> None:
        self._word = str(settings.get("word", "!echo"))

    def handle(self, message: HeardMessage) -> Sequence[str]:
        """Return the text after the word; nothing for other messages."""
        word, _, rest = message.body.partition(" ")
        return [rest] if word == self._word and rest else []
