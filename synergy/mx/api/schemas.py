"""JSON schemas from the typed shapes of answers, as components of the API's description."""

from __future__ import annotations

import types
from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any, Final, get_args, get_origin, get_type_hints, is_typeddict

_PLAIN: Final = {
    str: {'type': 'string'},
    int: {'type': 'integer'},
    float: {'type': 'number'},
    bool: {'type': 'boolean'},
    types.NoneType: {'type': 'null'},
}


class Schemas:
    """Collects the schemas of shapes and of the shapes within them, by name."""

    def __init__(self) -> None:
        """Know none."""
        self.by_name: dict[str, Mapping[str, Any]] = {}

    def of(self, shape: Any) -> dict[str, Any]:
        """Return the schema of a shape: a TypedDict, and what its fields may be."""
        if is_typeddict(shape):
            return self._named(shape)
        if shape in _PLAIN:
            return dict(_PLAIN[shape])
        arguments = get_args(shape)
        match get_origin(shape):
            case types.UnionType:
                return self._either(arguments)
            case origin if origin is Annotated:
                return self._annotated(arguments[0], arguments[1:])
            case origin if origin is list:
                return {'type': 'array', 'items': self.of(arguments[0])}
            case origin if origin is dict:
                return {'type': 'object', 'additionalProperties': self.of(arguments[1])}
            case _:
                return {}

    def _named(self, shape: Any) -> dict[str, Any]:
        name = shape.__name__.removesuffix('Document')
        if name not in self.by_name:
            hints = get_type_hints(shape, include_extras=True)
            self.by_name[name] = {
                'type': 'object',
                'description': ' '.join((shape.__doc__ or '').split()),
                'required': sorted(shape.__required_keys__),
                'properties': {field: self.of(hint) for field, hint in hints.items()},
            }
        return {'$ref': f'#/components/schemas/{name}'}

    def _either(self, shapes: tuple[Any, ...]) -> dict[str, Any]:
        found = [self.of(shape) for shape in shapes]
        if all(set(schema) == {'type'} for schema in found):
            return {'type': [schema['type'] for schema in found]}
        return {'anyOf': found}

    def _annotated(self, shape: Any, notes: tuple[Any, ...]) -> dict[str, Any]:
        schema = self.of(shape)
        for note in notes:
            if isinstance(note, str):
                schema['description'] = note
            elif isinstance(note, type) and issubclass(note, Enum):
                words: list[str | None] = [item.value for item in note]
                is_optional = 'null' in schema.get('type', ())
                schema['enum'] = [*words, None] if is_optional else words
        return schema
