"""Parameters in a request's address: what an operation does not know is refused, not passed over.

With `?lables=Lake` passed over, every photo would be selected, and bundled or trashed next.
"""

from __future__ import annotations

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from fototeca.web.problems import Problem


async def only_known(request: Request) -> None:
    """422 for parameters that the operation does not have. It waits for nothing: `async` spares
    each request a change of threads.
    """
    route = request.scope["route"]
    assert isinstance(route, APIRoute)
    unknown = request.query_params.keys() - _names(route.dependant)
    if unknown:
        errors = [{"where": f"query/{name}", "what": "no such parameter"} for name in unknown]
        raise Problem(422, "the request is not as it must be", errors=errors)


def _names(dependant: Dependant) -> set[str]:
    own = {field.alias for field in dependant.query_params}
    return own.union(*map(_names, dependant.dependencies))
