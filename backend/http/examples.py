"""Examples of what is answered, made of the schemas, which say what each field is like."""

from typing import Any

_BY_FORMAT = {
    "uuid": "01920000-0000-7000-8000-000000000000",
    "date-time": "2026-11-20T09:00:00Z",
    "date": "2026-11-20",
    "uri": "https://rollcall.example",
}
_BY_TYPE: dict[str, Any] = {
    "string": "…",
    "integer": 1,
    "number": 1.5,
    "boolean": True,
    "null": None,
}
_DEEPEST = 8


def example_of(schema: dict[str, Any], models: dict[str, Any], depth: int = 0) -> object:
    """A value that the schema allows.

    Args:
        schema: of a value; its own examples and defaults come first.
        models: what its references lead to, by name.
        depth: of how many others this is a part: some models have parts of their own kind.
    """
    if "$ref" in schema:
        model = models[schema["$ref"].rpartition("/")[2]]
        return example_of(model | {k: v for k, v in schema.items() if k != "$ref"}, models, depth)
    if schema.get("examples"):
        return schema["examples"][0]
    for one in ("example", "default", "const"):
        if schema.get(one) is not None:
            return schema[one]
    if "enum" in schema:
        return schema["enum"][0]
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return example_of(schema[several][0], models, depth)
    return _of_type(schema, models, depth)


def _of_type(schema: dict[str, Any], models: dict[str, Any], depth: int) -> object:
    match schema.get("type"):
        case "object" if "properties" in schema:
            return {
                name: example_of(part, models, depth + 1)
                for name, part in schema["properties"].items()
            }
        case "object":
            values = schema.get("additionalProperties")
            return {"…": example_of(values, models, depth + 1)} if isinstance(values, dict) else {}
        case "array":
            deep = depth > _DEEPEST or not schema.get("items")
            return [] if deep else [example_of(schema["items"], models, depth + 1)]
        case kind:
            usual = _BY_TYPE.get(str(kind))
            return _BY_FORMAT.get(schema.get("format", ""), usual)
