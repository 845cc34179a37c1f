"""The API keeps to its own OpenAPI document, whatever is sent; and the document explains itself."""

from __future__ import annotations

import traceback
from collections import defaultdict
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from fototeca import samples
from tests.api.conftest import Served, add_token, bundled, is_problem, labelled, launch, upload
from tests.api.openapi import Document

pytestmark = pytest.mark.xdist_group("api-schema")

SEED = 20261123
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server whose photos may come to any harm."""
    served = launch(tmp_path_factory.mktemp("schema") / "library")
    owner = served.set_up()
    for path in samples.photos()[:3]:
        upload(owner, path.read_bytes(), path.name)
    labelled(owner)
    bundled(owner)
    yield served
    served.stop()


@pytest.fixture(scope="module")
def secret(served: Served) -> str:
    return add_token(served.sign_in())


def test_whatever_is_sent_the_answer_is_as_described(served: Served, secret: str) -> None:
    schema = schemathesis.openapi.from_url(f"{served.address}/api/openapi.json")
    # The token decides who asks, whatever cookie comes with it.
    schema.config.generation.with_security_parameters = False
    authorization = {"Authorization": f"Bearer {secret}"}
    broken: dict[str, str] = {}
    tried = 0
    for found, mode in product(schema.get_all_operations(), GenerationMode):
        assert isinstance(found, Ok)
        operation = found.ok()
        if operation.path == "/api/events":
            continue  # it has no end; test_events.py reads it

        @seed(SEED)
        @settings(
            max_examples=12,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def as_described(case: Any) -> None:
            answer = case.call(headers=authorization, timeout=60)
            case.validate_response(answer, checks=CHECKS)

        try:
            as_described()
        except Unsatisfiable:
            # There is nothing to say wrongly where nothing can be said.
            assert mode is GenerationMode.NEGATIVE, operation.label
        except (Exception, FailureGroup) as failure:
            broken[f"{operation.label} {mode}"] = "\n".join(
                traceback.format_exception_only(failure)
            )
        tried += 1
    assert broken == {}, "\n\n".join(broken.values())
    assert tried > 80


@pytest.fixture(scope="module")
def document(served: Served) -> Document:
    return Document(served.client())


def test_a_parameter_that_an_operation_does_not_know_is_refused(
    served: Served, secret: str, document: Document
) -> None:
    script = served.with_token(secret)
    mistyped = {"lables": "Lake"}
    for operation in document.operations():
        # A provider adds what it likes to the addresses that it sends browsers to.
        to_sign_in = operation.path.startswith("/api/session/o")
        if operation.path.startswith("/api/") and not to_sign_in:
            path = operation.path.format_map(defaultdict(lambda: "0" * 64))
            with script.stream(operation.method, path, params=mistyped) as answer:
                answer.read()
            (error,) = is_problem(answer, 422)["errors"]
            assert error == {"where": "query/lables", "what": "no such parameter"}, operation
    # Others decide what is sent to these.
    assert script.get("/pam/v1/labels", params=mistyped).status_code == 200
    assert script.get("/health", params=mistyped).status_code == 200


def test_every_operation_is_explained(document: Document) -> None:
    for operation in document.operations():
        assert operation.description.get("description"), operation
        assert operation.description.get("tags"), operation
        for status, answer in operation.description["responses"].items():
            if int(status) >= 400:
                assert "application/problem+json" in answer["content"], (operation, status)


def test_every_operation_has_an_example(document: Document) -> None:
    def exemplified(schema: Any, depth: int = 0) -> bool:
        """Whether an example is given for it or for a part of it."""
        if not isinstance(schema, dict) or depth > 8:
            return False
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return exemplified(document.content["components"]["schemas"][name], depth + 1)
        if "example" in schema or "examples" in schema:
            return True
        parts = [
            *schema.get("properties", {}).values(),
            *schema.get("anyOf", ()),
            schema.get("items"),
        ]
        return any(exemplified(part, depth + 1) for part in parts)

    for operation in document.operations():
        for media_type, body in (
            operation.description.get("requestBody", {}).get("content", {}).items()
        ):
            if media_type == "application/json":
                assert exemplified(body["schema"]), operation
        for status, answer in operation.description["responses"].items():
            content = answer.get("content", {}).get("application/json")
            if content and status.startswith("2"):
                assert exemplified(content["schema"]), (operation, status)


def test_operations_have_names_of_their_own(document: Document) -> None:
    names = [each.description["operationId"] for each in document.operations()]
    assert len(names) == len(set(names))


def test_the_readable_list_names_every_operation(served: Served, document: Document) -> None:
    page = served.client().get("/api/docs")
    assert page.headers["content-type"].startswith("text/html")
    for operation in document.operations():
        assert f"<td>{operation.method}</td><td><code>{operation.path}</code>" in page.text
