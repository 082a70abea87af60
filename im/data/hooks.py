"""Through these hooks an app above takes part in what clients send to the message center."""

from __future__ import annotations

from datetime import datetime

from foundation.hooks import SingleHook
from im.rules.messages import CallSignal

CALL_SIGNAL: SingleHook[[str, CallSignal, datetime], str] = SingleHook()
"""`(sender, signal, now)`: let a person's sign about a call take effect; return "" or why it is refused, in words.

The receiver commits by itself, and must not raise but for errors of the database."""
