"""The FastAPI application: state, routes and what stands around every request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from ingest_server.middleware import add_middleware
from ingest_server.routes import add_routes

if TYPE_CHECKING:
    from ingest_server.context import ServerState


def make_app(state: ServerState | None) -> FastAPI:
    """Make the application; without a state it can only describe itself."""
    # Every refusal has one form; named here, the framework does not announce answers of its own that never come.
    problem = {"description": "Refused: a problem object (RFC 9457)", "content": {"application/problem+json": {}}}
    app = FastAPI(
        title="Evidock ingest server",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        responses={"4XX": problem, "5XX": problem},
    )
    app.state.server = state
    add_middleware(app)
    add_routes(app)
    return app


def describe_api() -> dict[str, Any]:
    """The OpenAPI document, without any data folder."""
    return make_app(None).openapi()
