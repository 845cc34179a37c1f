"""The DynamoDB table: rows found by two keys, written alone, in batches or in transactions.

What its limits ask for is here: pages, batches with what was left of them, conflicts and
throttling that are worth another try, and conditions that failed, which never are.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar
from uuid import uuid4

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

from fototeca.catalog.protocol import CatalogBusy

S = TypeVar("S", bound=Sequence[Any])
Value = str | int | bytes
Row = dict[str, Any]
"""By attribute name: text, integers and bytes. The keys are `pk` and `sk`."""
Key = tuple[str, str]
When = Mapping[str, Value | None]
"""A condition: these attributes have these values; None: there is no such attribute."""
Action = dict[str, dict[str, Any]]
"""One write, as TransactWriteItems takes it."""

NOTHING: When = {}
NO_ROW: When = {"pk": None}
GET_BATCH, WRITE_BATCH = 100, 25
"""Rows in one request, by DynamoDB's own limits."""
LONGEST_PK, LONGEST_SK = 2048, 1024
"""Bytes of a key, by DynamoDB's own limits."""
ACTIONS = 100
"""Writes in one transaction, by DynamoDB's own limit."""
TRIES = 40
PAUSE, LONGEST_PAUSE = 0.01, 1.0
"""Seconds before another try: drawn between nothing and a limit that doubles."""
TRANSIENT = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "ReplicatedWriteConflictException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingError",
        "ThrottlingException",
        "TransactionConflict",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
CONDITION = frozenset({"ConditionalCheckFailed", "ConditionalCheckFailedException"})


class Changed(Exception):
    """A condition failed: what was read before is not what is there now."""


class Table:
    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self.name = name

    def get(self, key: Key, *, consistent: bool = True) -> Row | None:
        if not possible(key):
            return None
        answer = self._try(
            self._client.get_item, TableName=self.name, Key=_key(key), ConsistentRead=consistent
        )
        item = answer.get("Item")
        return None if item is None else _row(item)

    def get_many(
        self, keys: Iterable[Key], *, consistent: bool = True, only: Sequence[str] = ()
    ) -> dict[Key, Row]:
        """Those of these rows that exist; `only` these attributes, and the keys."""
        found: dict[Key, Row] = {}
        asked: dict[str, Any] = {"ConsistentRead": consistent}
        asked |= _projection(only)
        for batch in batches(list(filter(possible, dict.fromkeys(keys))), GET_BATCH):
            left: list[dict[str, Any]] = [_key(key) for key in batch]
            for pause in _pauses():
                request = {self.name: {**asked, "Keys": left}}
                answer = self._try(self._client.batch_get_item, RequestItems=request)
                for item in answer["Responses"].get(self.name, ()):
                    row = _row(item)
                    found[row["pk"], row["sk"]] = row
                left = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])
                if not left:
                    break
                pause()
            else:
                raise CatalogBusy("DynamoDB gives no answer for some rows")
        return found

    def query(
        self,
        pk: str,
        *,
        begins: str | None = None,
        above: str | None = None,
        below: str | None = None,
        between: tuple[str, str] | None = None,
        forward: bool = True,
        first: int | None = None,
        consistent: bool = True,
        only: Sequence[str] = (),
    ) -> Iterator[Row]:
        """The rows of a partition in the order of `sk`, read page by page as they are taken;
        `only` these attributes, and the keys.

        At most one of `begins`, `above`, `below` (both exclusive) and `between` (inclusive).
        `first`: rows in the first page; each further one has four times as many, up to 1 MB.
        """
        condition = "pk = :pk"
        values: dict[str, Value] = {":pk": pk}
        if begins is not None:
            condition += " AND begins_with(sk, :sk)"
            values[":sk"] = begins
        elif above is not None:
            condition += " AND sk > :sk"
            values[":sk"] = above
        elif below is not None:
            condition += " AND sk < :sk"
            values[":sk"] = below
        elif between is not None:
            condition += " AND sk BETWEEN :sk AND :to"
            values |= {":sk": between[0], ":to": between[1]}
        asked: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": _item(values),
            "ScanIndexForward": forward,
            "ConsistentRead": consistent,
            **_projection(only),
        }
        size = first
        while True:
            if size is not None:
                asked["Limit"] = size
                size *= 4
            answer = self._try(self._client.query, **asked)
            for item in answer["Items"]:
                yield _row(item)
            if "LastEvaluatedKey" not in answer:
                return
            asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def write(self, *actions: Action) -> None:
        """All of these or none. One alone costs half of what it costs in a transaction.

        Raises Changed.
        """
        if len(actions) == 1:
            ((kind, parameters),) = actions[0].items()
            call = {
                "Put": self._client.put_item,
                "Update": self._client.update_item,
                "Delete": self._client.delete_item,
            }[kind]
            self._try(call, **parameters)
        elif actions:
            assert len(actions) <= ACTIONS
            # The same one at every try: what was done although its answer was lost is not refused.
            token = uuid4().hex
            self._try(
                self._client.transact_write_items,
                TransactItems=list(actions),
                ClientRequestToken=token,
            )

    def update_returning(self, action: Action) -> Row:
        """Do an update; the whole row as it then is. Raises Changed."""
        answer = self._try(self._client.update_item, **action["Update"], ReturnValues="ALL_NEW")
        return _row(answer["Attributes"])

    def write_many(self, puts: Iterable[tuple[Key, Row]] = (), deletes: Iterable[Key] = ()) -> None:
        """Each by itself and without a condition: some may be there when this is interrupted."""
        requests = [{"PutRequest": {"Item": _item(_with_key(key, row))}} for key, row in puts]
        requests += [{"DeleteRequest": {"Key": _key(key)}} for key in deletes]
        for batch in batches(requests, WRITE_BATCH):
            left = list(batch)
            for pause in _pauses():
                request = {self.name: left}
                answer = self._try(self._client.batch_write_item, RequestItems=request)
                left = answer.get("UnprocessedItems", {}).get(self.name, [])
                if not left:
                    break
                pause()
            else:
                raise CatalogBusy("DynamoDB does not take some rows")

    def put(self, key: Key, row: Mapping[str, Value | None], when: When = NOTHING) -> Action:
        expression = _Expression()
        condition = expression.condition(when)
        return {
            "Put": {"TableName": self.name, "Item": _item(_with_key(key, row))}
            | expression.parts(ConditionExpression=condition)
        }

    def update(
        self,
        key: Key,
        put: Mapping[str, Value | None] = NOTHING,
        add: Mapping[str, int] = {},
        when: When = NOTHING,
    ) -> Action:
        """Change a row, which is made if there is none. `put` None removes an attribute."""
        expression = _Expression()
        puts = [
            f"{expression.name(name)} = {expression.value(value)}"
            for name, value in put.items()
            if value is not None
        ]
        remove = [expression.name(name) for name, value in put.items() if value is None]
        adds = [f"{expression.name(name)} {expression.value(by)}" for name, by in add.items()]
        clauses = (("SET", puts), ("REMOVE", remove), ("ADD", adds))
        update = " ".join(f"{verb} {', '.join(parts)}" for verb, parts in clauses if parts)
        condition = expression.condition(when)
        return {
            "Update": {"TableName": self.name, "Key": _key(key)}
            | expression.parts(UpdateExpression=update, ConditionExpression=condition)
        }

    def delete(self, key: Key, when: When = NOTHING) -> Action:
        expression = _Expression()
        condition = expression.condition(when)
        return {
            "Delete": {"TableName": self.name, "Key": _key(key)}
            | expression.parts(ConditionExpression=condition)
        }

    def check(self, key: Key, when: When) -> Action:
        """In a transaction: nothing of it unless this row is so."""
        expression = _Expression()
        condition = expression.condition(when)
        return {
            "ConditionCheck": {"TableName": self.name, "Key": _key(key)}
            | expression.parts(ConditionExpression=condition)
        }

    def _try(self, call: Callable[..., Any], **parameters: Any) -> Any:
        last: ClientError | None = None
        for pause in _pauses():
            try:
                return call(**parameters)
            except ClientError as error:
                reasons = _reasons(error)
                if reasons & CONDITION:
                    raise Changed from error
                if not reasons <= TRANSIENT:
                    raise
                last = error
            except (ConnectionError, HTTPClientError) as error:  # botocore has tried it again
                said = f"DynamoDB cannot be reached: {type(error).__name__}"
                raise CatalogBusy(said) from error
            pause()
        raise CatalogBusy("DynamoDB stays busy") from last


def _reasons(error: ClientError) -> set[str]:
    """Why a request failed; for a cancelled transaction, of each of its actions that did."""
    code = error.response["Error"]["Code"]
    if code != "TransactionCanceledException":
        return {code}
    reasons = {
        reason["Code"]
        for reason in error.response.get("CancellationReasons", ())
        if reason.get("Code") not in (None, "None")
    }
    return reasons or {code}


def _pauses() -> Iterator[Callable[[], None]]:
    """Pauses before a next try, as often as one is worth while."""
    longest = PAUSE
    for _ in range(TRIES):
        seconds = random.uniform(0, longest)  # noqa: S311
        yield partial(time.sleep, seconds)
        longest = min(2 * longest, LONGEST_PAUSE)


class _Expression:
    """Names and values of an expression, each under a placeholder: many words are reserved."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._values: dict[str, Value] = {}

    def name(self, name: str) -> str:
        return self._names.setdefault(name, f"#n{len(self._names)}")

    def value(self, value: Value) -> str:
        placeholder = f":v{len(self._values)}"
        self._values[placeholder] = value
        return placeholder

    def condition(self, when: When) -> str:
        return " AND ".join(
            f"attribute_not_exists({self.name(name)})"
            if value is None
            else f"{self.name(name)} = {self.value(value)}"
            for name, value in when.items()
        )

    def parts(self, **expressions: str) -> dict[str, Any]:
        parts: dict[str, Any] = {name: text for name, text in expressions.items() if text}
        if self._names:
            parts["ExpressionAttributeNames"] = {
                placeholder: name for name, placeholder in self._names.items()
            }
        if self._values:
            parts["ExpressionAttributeValues"] = _item(self._values)
        return parts


def _projection(only: Sequence[str]) -> dict[str, Any]:
    if not only:
        return {}
    names = {f"#{name}": name for name in ("pk", "sk", *only)}
    return {"ProjectionExpression": ", ".join(names), "ExpressionAttributeNames": names}


def possible(key: Key) -> bool:
    """Whether a row can have this key: keys from outside may be too long, or empty."""
    return all(
        0 < len(part.encode(errors="replace")) <= longest
        for part, longest in zip(key, (LONGEST_PK, LONGEST_SK), strict=True)
    )


def _with_key(key: Key, row: Mapping[str, Value | None]) -> dict[str, Value]:
    known = {name: value for name, value in row.items() if value is not None}
    return {**known, "pk": key[0], "sk": key[1]}


def _key(key: Key) -> dict[str, Any]:
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}


def _item(row: Mapping[str, Value]) -> dict[str, Any]:
    return {name: _attribute(value) for name, value in row.items()}


def _attribute(value: Value) -> dict[str, Any]:
    if isinstance(value, str):
        return {"S": value}
    return {"N": str(value)} if isinstance(value, int) else {"B": value}


def _row(item: Mapping[str, Any]) -> Row:
    row: Row = {}
    for name, attribute in item.items():
        ((kind, value),) = attribute.items()
        row[name] = int(value) if kind == "N" else value
    return row


def batches(items: S, size: int) -> Iterator[S]:
    for start in range(0, len(items), size):
        yield items[start : start + size]  # type: ignore[misc]
