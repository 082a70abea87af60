"""The API's own description is complete: fields, examples and errors, and generators of clients understand it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.parser import GeneratorData


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """Return the OpenAPI document of all calls."""
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


NOT_OF_PROGRAMS = ("/api/v1/im/", "/api/v1/social/")
"""People's clients call these; their errors have a form of their own."""


@pytest.fixture(scope="module")
def open_api(schema: dict[str, Any]) -> dict[str, Any]:
    """The part of the document that programs of integrators use, with the shapes that it refers to."""
    part: dict[str, Any] = json.loads(json.dumps(schema, default=str))
    part["paths"] = {
        path: methods
        for path, methods in part["paths"].items()
        if not path.startswith(NOT_OF_PROGRAMS)
    }
    shapes: dict[str, Any] = {}
    open_ends = [json.dumps(part["paths"]), json.dumps(part["components"]["responses"])]
    while open_ends:
        names = re.findall(r"#/components/schemas/(\w+)", open_ends.pop())
        for name in set(names) - shapes.keys():
            shapes[name] = part["components"]["schemas"][name]
            open_ends.append(json.dumps(shapes[name]))
    part["components"]["schemas"] = shapes
    return part


def test_every_field_has_an_example(open_api: dict[str, Any]) -> None:
    without = [
        f"{name}.{field}"
        for name, shape in open_api["components"]["schemas"].items()
        for field, described in shape.get("properties", {}).items()
        if described.get("type") in ("string", "integer")
        and not described.keys() & {"example", "enum", "format"}
    ]
    assert without == [], "add these fields to confplatform/settings_parts/api_examples.py"


def test_every_call_names_its_errors(open_api: dict[str, Any]) -> None:
    silent = [
        f"{method.upper()} {path}"
        for path, methods in open_api["paths"].items()
        for method, call in methods.items()
        if not {"400", "401", "404", "409", "422", "default"} <= call["responses"].keys()
    ]
    assert silent == []


def test_a_generator_of_clients_understands_every_call(open_api: dict[str, Any]) -> None:
    config = Config.from_sources(
        ConfigFile(),
        MetaType.NONE,
        document_source=Path("openapi.json"),
        file_encoding="utf-8",
        overwrite=False,
        output_path=None,
    )
    parsed = GeneratorData.from_dict(open_api, config=config)
    assert isinstance(parsed, GeneratorData), parsed
    left_out = [error.detail for error in parsed.errors] + [
        error.detail
        for calls in parsed.endpoint_collections_by_tag.values()
        for error in calls.parse_errors
    ]
    assert left_out == []
