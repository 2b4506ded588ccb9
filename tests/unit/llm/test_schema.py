from __future__ import annotations

import json

from pydantic import BaseModel, ConfigDict, Field

from nightwork.agent import model
from nightwork.agent.results import Escalation, Plan, Scope, Work
from nightwork.llm import input_schema
from nightwork.llm.schema import referring_schema

FORBIDDEN = {"$ref", "$defs", "title", "default", "minLength", "maxLength", "minimum", "maximum", "pattern", "minItems"}


def parts(schema):
    if isinstance(schema, dict):
        yield schema
        for name, part in schema.items():
            for below in part.values() if name == "properties" else [part]:
                yield from parts(below)
    elif isinstance(schema, list):
        for part in schema:
            yield from parts(part)


def test_every_tool_has_a_schema_that_the_api_takes_strictly():
    for tool in model._TOOLS:
        for part in parts(tool.parameters):
            assert not FORBIDDEN & set(part), (tool.name, part)
            if part.get("type") == "object":
                assert part["additionalProperties"] is False


def test_strict_tools_stay_within_the_limits_of_the_api():
    strict = [tool.parameters for tool in model._TOOLS if tool.strict]
    objects = [part for schema in strict for part in parts(schema) if part.get("type") == "object"]
    optional = sum(len(part["properties"]) - len(part.get("required", [])) for part in objects)
    unions = sum("anyOf" in part for schema in strict for part in parts(schema))
    assert (len(strict) <= 20, optional <= 24, unions <= 16) == (True, True, True), (len(strict), optional, unions)
    assert {tool.name for tool in model._TOOLS if tool.strict} == {
        "submit_scope", "submit_plan", "submit_work", "escalate"
    }  # fmt: skip


def test_bounds_that_a_schema_may_not_hold_are_told():
    schema = input_schema(Escalation)
    assert "minItems: 2" in schema["properties"]["options"]["description"]
    assert schema["properties"]["trigger"]["enum"]
    assert "pattern" in schema["properties"]["options"]["items"]["properties"]["name"]["description"]


def test_schemas_are_the_same_bytes_every_time():
    for found in (Scope, Plan, Work, Escalation):
        assert json.dumps(input_schema(found)) == json.dumps(input_schema(found))


class _Thing(BaseModel):
    model_config = ConfigDict(extra="forbid")
    title: str = Field(max_length=9, description="what it is called")


class _Pair(BaseModel):
    """Two things."""

    model_config = ConfigDict(extra="forbid")
    left: _Thing
    right: _Thing


def test_a_referring_schema_tells_each_part_once_and_nothing_but_its_form():
    schema = referring_schema(_Pair)
    assert schema["$defs"]["_Thing"]["properties"] == {"title": {"type": "string"}}
    assert schema["properties"] == {"left": {"$ref": "#/$defs/_Thing"}, "right": {"$ref": "#/$defs/_Thing"}}
    assert schema["additionalProperties"] is False
    assert "description" not in schema
