"""People of two tenants who call the HTTP API of calls."""

from __future__ import annotations

from tests.im.http.conftest import anna, ben, cara, zoe

__all__ = ["anna", "ben", "cara", "zoe"]
