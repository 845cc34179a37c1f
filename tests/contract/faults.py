"""Clients of DynamoDB that fail as networks, machines and the service itself do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

WRITES = frozenset(
    {"put_item", "update_item", "delete_item", "transact_write_items", "batch_write_item"}
)


class Ended(Exception):
    """The process ended here."""


class Client:
    """Passes every call on; those below do something else to some of them."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call = getattr(self.client, name)

        def passed(**parameters: Any) -> Any:
            return self.around(name, call, parameters)

        return passed

    def around(self, name: str, call: Callable[..., Any], parameters: dict[str, Any]) -> Any:
        return call(**parameters)


class Ending(Client):
    """Ends its process before the n-th write."""

    def __init__(self, client: Any, write: int) -> None:
        super().__init__(client)
        self._left = write

    def around(self, name: str, call: Callable[..., Any], parameters: dict[str, Any]) -> Any:
        if name in WRITES:
            self._left -= 1
            if self._left <= 0:
                raise Ended  # nothing runs in a process that ended
        return call(**parameters)


class Forgetful(Client):
    """Does each transaction, and loses the answer to the first try of it."""

    def __init__(self, client: Any) -> None:
        super().__init__(client)
        self._seen: set[str] = set()

    def around(self, name: str, call: Callable[..., Any], parameters: dict[str, Any]) -> Any:
        answer = call(**parameters)
        token = parameters.get("ClientRequestToken", "")
        if name == "transact_write_items" and token not in self._seen:
            self._seen.add(token)
            raise ClientError({"Error": {"Code": "InternalServerError"}}, name)
        return answer


class Stingy(Client):
    """Gives pages of few rows, and leaves part of each batch undone."""

    def around(self, name: str, call: Callable[..., Any], parameters: dict[str, Any]) -> Any:
        if name == "query":
            return call(**{**parameters, "Limit": min(3, parameters.get("Limit", 3))})
        if name == "batch_get_item":
            ((table, request),) = parameters["RequestItems"].items()
            keys = request["Keys"]
            answer = call(RequestItems={table: {**request, "Keys": keys[:2]}})
            if keys[2:]:
                answer["UnprocessedKeys"] = {table: {**request, "Keys": keys[2:]}}
            return answer
        if name == "batch_write_item":
            ((table, requests),) = parameters["RequestItems"].items()
            answer = call(RequestItems={table: requests[:2]})
            if requests[2:]:
                answer["UnprocessedItems"] = {table: requests[2:]}
            return answer
        return call(**parameters)


class Busy(Client):
    """Refuses each call the first few times, as the service does when it is busy."""

    def __init__(self, client: Any, code: str, times: int) -> None:
        super().__init__(client)
        self._code = code
        self._times = times
        self._refused = 0

    def around(self, name: str, call: Callable[..., Any], parameters: dict[str, Any]) -> Any:
        self._refused += 1
        if self._refused <= self._times:
            raise refusal(self._code, name)
        self._refused = 0
        return call(**parameters)


REASONS = {
    "ProvisionedThroughputExceededException": "ProvisionedThroughputExceeded",
    "ThrottlingException": "ThrottlingError",
    "TransactionConflictException": "TransactionConflict",
}


def refusal(code: str, name: str) -> ClientError:
    """As the service answers; a transaction says it of one of its actions."""
    if name != "transact_write_items" or code not in REASONS:
        return ClientError({"Error": {"Code": code, "Message": code}}, name)
    return ClientError(
        {
            "Error": {"Code": "TransactionCanceledException", "Message": "cancelled"},
            "CancellationReasons": [{"Code": "None"}, {"Code": REASONS[code]}],
        },
        name,
    )
