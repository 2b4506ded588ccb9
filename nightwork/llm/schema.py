"""JSON schemas of tool inputs as the Messages API takes them, strict ones included.

Source: "JSON Schema limitations" of the structured outputs guide: no bounds on numbers, lengths and counts. What is
left out of a schema is told in its description; Pydantic checks it when the input has come.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

_TOLD = ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern", "default")


def input_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the schema of a model's fields, without references and without what only people need."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    schema.pop("description", None)  # it is the tool's
    cleaned: dict[str, Any] = _clean(schema, definitions)
    return cleaned


def referring_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the schema of a model's fields as short as it can be: what stands in it twice is referred to.

    Descriptions and bounds are left out: a prompt says what is meant, and Pydantic checks what has come.
    """
    shortened: dict[str, Any] = _shorten(model.model_json_schema())
    return shortened


def _shorten(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_shorten(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: {name: _shorten(part) for name, part in value.items()}
        if key in {"properties", "$defs"}
        else _shorten(value)
        for key, value in schema.items()
        if key not in {*_TOLD, "title", "description"}
    }


def _clean(schema: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_clean(part, definitions) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if (name := schema.get("$ref")) is not None:
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        return _clean({**definitions[name.rpartition("/")[2]], **beside}, definitions)
    cleaned = {
        key: {name: _clean(part, definitions) for name, part in value.items()}
        if key == "properties"
        else _clean(value, definitions)
        for key, value in schema.items()
        if key not in _TOLD and key != "title"
    }
    told = [f"{key}: {schema[key]}" for key in _TOLD if _is_worth_telling(key, schema.get(key))]
    if told:
        cleaned["description"] = " ".join([*filter(None, [cleaned.get("description")]), f"({', '.join(told)})"])
    return cleaned


def _is_worth_telling(key: str, value: Any) -> bool:
    if value in (None, "", []):
        return False
    return (key, value) != ("minLength", 1) and not (key == "maxLength" and value >= 1_000)
