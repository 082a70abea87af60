"""The API's own description is complete: no answer is a bare object, and the generator warns of nothing."""

from __future__ import annotations

from typing import Any

import pytest
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """The OpenAPI document of all calls."""
    GENERATOR_STATS.reset()
    generator: Any = SchemaGenerator  # It has no types.
    document: dict[str, Any] = generator().get_schema(request=None, public=True)
    return document


def test_the_generator_warns_of_nothing(schema: dict[str, Any]) -> None:
    assert list(GENERATOR_STATS._warn_cache) == []
    assert list(GENERATOR_STATS._error_cache) == []


def test_every_answer_describes_its_fields(schema: dict[str, Any]) -> None:
    bare = [
        f"{method.upper()} {path} {status}"
        for path, methods in schema["paths"].items()
        for method, call in methods.items()
        for status, answer in call["responses"].items()
        for content in answer.get("content", {}).values()
        if content["schema"].get("type") == "object" and "properties" not in content["schema"]
    ]
    assert bare == []
