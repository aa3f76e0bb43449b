"""Every page asks for its permission: each route, tried as each role, refuses exactly where the role lacks it.

The routes are read from the application itself, so a page that is added is tried without a line here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fastapi.routing import APIRoute

from ingest_server.app import make_app
from ingest_server.permissions import ROLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi.dependencies.models import Dependant

    from tests.support.people import People

# Pages of everybody who is signed in, and those before it.
WITHOUT_PERMISSION = {
    "GET /",
    "GET /link",
    "GET /me",
    "GET /signin",
    "GET /static/{digest}/{name:path}",
    "POST /language",
    "POST /link",
    "POST /me/password",
    "POST /me/sessions/{session_id}/end",
    "POST /signin",
    "POST /signout",
}
# Bytes that ask for more than a permission: a grant or a recorded preview of this very session.
UNDER_A_GRANT = {
    "GET /media/{grant_id}/{evidence_id}",
    "GET /media/{grant_id}/{evidence_id}/{kind}/{place}",
    "GET /recordings/thumbnails/{preview_id}/{evidence_id}",
    "HEAD /media/{grant_id}/{evidence_id}",
}
UNKNOWN = "0" * 32


def walk(dependant: Dependant) -> Iterator[Any]:
    yield dependant.call
    for inner in dependant.dependencies:
        yield from walk(inner)


def list_pages() -> dict[str, set[Any]]:
    """Method and path of every page, with the permissions that its dependencies ask for."""
    pages = {}
    for route in make_app(None).routes:
        if isinstance(route, APIRoute) and not route.include_in_schema:
            needed = {call.needed for call in walk(route.dependant) if hasattr(call, "needed")}
            for method in route.methods:
                pages[f"{method} {route.path}"] = needed - {None}
    return pages


PAGES = list_pages()
GUARDED = {name: next(iter(needed)) for name, needed in PAGES.items() if needed}


def test_a_page_without_a_permission_is_one_that_everybody_may_see() -> None:
    assert {name for name, needed in PAGES.items() if not needed} == WITHOUT_PERMISSION | UNDER_A_GRANT


def test_every_page_asks_for_one_permission() -> None:
    assert all(len(needed) <= 1 for needed in PAGES.values())
    assert len(GUARDED) > 10


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_refused_exactly_where_it_lacks_the_permission(people: People, role: str) -> None:
    person = people.as_role(role)
    before = len(people.system.read_parts("request.refused", "refusal", "route"))
    refused = []
    for name, permission in GUARDED.items():
        method, _, pattern = name.partition(" ")
        path = "/".join(UNKNOWN if piece.startswith("{") else piece for piece in pattern.split("/"))
        answer = person.get(path) if method == "GET" else person.post(path)
        assert answer.status < 500, f"{role}, {name}: {answer.status}"
        if permission not in ROLES[role]:
            assert answer.status == 403, f"{role}, {name}: {answer.status}"
            refused.append(name)
        else:
            assert b"not_permitted" not in answer.data, f"{role}, {name}"
    # Each refusal is an event on the account, with the route's pattern and never with what stood in its place.
    routes = people.system.read_parts("request.refused", "refusal", "route")[before:]
    assert routes == refused
    codes = people.system.read_parts("request.refused", "refusal", "code")[before:]
    assert set(codes) <= {"not_permitted"}
    account = people.account_id(person)
    subjects = [event["subject"] for event in people.system.events() if event["type"] == "request.refused"]
    assert subjects[before:] == [account] * len(refused)
    if refused:
        assert people.system.read_parts("request.refused", "actor", "identity")[-1] == account


def test_a_stranger_is_led_to_sign_in_and_leaves_no_event(people: People) -> None:
    from tests.support.people import Person

    before = len(people.system.events())
    for name in GUARDED:
        method, _, pattern = name.partition(" ")
        answer = Person(people.system.url, "").request(method, pattern.replace("{", "").replace("}", ""))
        assert answer.status == 303, name
        assert answer.headers["location"].startswith("/signin"), name
    assert len(people.system.events()) == before
