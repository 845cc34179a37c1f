"""The API's operations and requests that fit them, all read from its own OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    """With its parameters in braces."""
    description: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def public(self) -> bool:
        """Whether the document says that it needs no credentials."""
        return not self.description.get("security")

    @property
    def parameters(self) -> list[Mapping[str, Any]]:
        """Those in the path."""
        return [each for each in self.description.get("parameters", []) if each["in"] == "path"]

    @property
    def required(self) -> dict[str, Any]:
        """Parameters of the query that must be there."""
        return {
            each["name"]: "x"
            for each in self.description.get("parameters", [])
            if each["in"] == "query" and each.get("required")
        }


class Document:
    """What /api/openapi.json says."""

    def __init__(self, client: httpx.Client) -> None:
        answer = client.get("/api/openapi.json")
        assert answer.status_code == 200, answer.text
        self.content: dict[str, Any] = answer.json()

    def operations(self) -> list[Operation]:
        return [
            Operation(method.upper(), path, description)
            for path, methods in self.content["paths"].items()
            for method, description in methods.items()
        ]

    def body(self, operation: Operation, known: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments for httpx: a body that fits; members named in `known` are these."""
        content = operation.description.get("requestBody", {}).get("content", {})
        for media_type, described in content.items():
            if media_type == "application/json":
                return {"json": self._example(described["schema"], known)}
            return {"content": b"no photo", "headers": {"content-type": media_type}}
        return {}

    def _example(self, schema: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return self._example(self.content["components"]["schemas"][name], known)
        for choice in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
            if choice.get("type") != "null":
                return self._example(choice, known)
        if "enum" in schema:
            return schema["enum"][0]
        kind = schema.get("type", "object")
        if kind == "object":
            return dict(self._members(schema, known))
        if kind == "array":
            return [self._example(schema["items"], known)]
        if kind == "string":
            return "x" * max(1, schema.get("minLength", 1))
        if kind == "boolean":
            return True
        lowest = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
        return min(lowest, schema.get("maximum", lowest))

    def _members(
        self, schema: Mapping[str, Any], known: Mapping[str, Any]
    ) -> Iterator[tuple[str, Any]]:
        required = schema.get("required", ())
        for name, member in schema.get("properties", {}).items():
            if name in known:
                yield name, known[name]
            elif name in required:
                yield name, self._example(member, known)


def send(client: httpx.Client, operation: Operation, path: str, **arguments: Any) -> httpx.Response:
    """The answer; of one that has no end, like live updates, only its beginning."""
    with client.stream(operation.method, path, params=operation.required, **arguments) as answer:
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            return httpx.Response(answer.status_code, headers=answer.headers)
        answer.read()
        return answer
