"""The HTTP API: the same application as everywhere, called by API Gateway (payload format 2.0)."""

from __future__ import annotations

from mangum import Mangum

from fototeca.serverless.warm import library
from fototeca.web.application import create_app

# Made before the first request: Lambda gives more processor time until then.
handler = Mangum(create_app(library()), lifespan="off")
