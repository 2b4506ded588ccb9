"""The base of every section of the settings, and of what one run may set differently."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema


class Section(BaseModel):
    """A part of the settings; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RunSection(Section):
    """What one run may set differently from the settings; its schema has one plain field for each key.

    A text that a form sends empty was left out.
    """

    @model_validator(mode="before")
    @classmethod
    def _empty_is_left_out(cls, data: Any) -> Any:
        return {key: value for key, value in data.items() if value != ""} if isinstance(data, dict) else data

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler.resolve_ref_schema(handler(core))
        schema["properties"] = {name: _without_null(field) for name, field in schema["properties"].items()}
        return schema


class Plain:
    """Marks a value that may be left out as one field of a form, not as a choice between a type and nothing."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return _without_null(handler(core))


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a value that may be left out, without the null that stands for leaving it out."""
    choices = [choice for choice in schema.get("anyOf", ()) if choice.get("type") != "null"]
    if len(choices) != 1 or choices[0].get("type") == "boolean":  # a form has no third state for it, and sends false
        return schema
    default = {"default"} if schema.get("default", ...) is None else set()
    kept = {key: value for key, value in schema.items() if key not in {"anyOf", *default}}
    return {**kept, **choices[0]}
