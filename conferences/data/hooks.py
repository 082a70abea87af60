"""Through these hooks the apps above `conferences` take part in what happens to conferences."""

from __future__ import annotations

from collections.abc import Collection

from foundation.hooks import Hook

TERMINALS_CALLED: Hook[[str, Collection[str]], None] = Hook()
"""`(e164, accounts)`: a person or program has called these accounts into the conference with this number.

Accounts are sign-in names, MOIDs or numbers of telephones. A receiver must not raise."""
