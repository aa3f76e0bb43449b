"""Every page's address, tried by everybody who may not: outsiders, each role, forms from elsewhere, tokens."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from ingest_server.permissions import ROLES, Permission
from ingest_server.routes import add_routes
from ingest_server.sentences import SENTENCES
from tests.support.people import PASSWORD, Person

if TYPE_CHECKING:
    from tests.support.people import People

# Open to people who are not signed in, each for its own reason; everything else must ask who somebody is.
OPEN = {
    "/static/{digest}/{name:path}",
    "/signin",
    "/link",
    "/language",
    # These ask for themselves, since a refusal is recorded on the recording; their tests are beside them.
    "/media/{grant_id}/{evidence_id}",
    "/media/{grant_id}/{evidence_id}/{kind}/{place}",
    "/recordings/thumbnails/{preview_id}/{evidence_id}",
}
# What a signed-in person of any role may do.
FOR_ALL = {"/", "/me", "/me/password", "/me/sessions/{session_id}/end", "/signout"}


def _list_routes() -> list[APIRoute]:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    add_routes(app)
    return [route for route in app.routes if isinstance(route, APIRoute)]


def _is_guarded(route: APIRoute) -> bool:
    return any("<locals>.check" in getattr(d.call, "__qualname__", "") for d in route.dependant.dependencies)


def _permission_of(route: APIRoute) -> Permission | None:
    for dependency in route.dependant.dependencies:
        if dependency.call is not None and dependency.call.__qualname__ in {
            "looking.<locals>.check",
            "changing.<locals>.check",
        }:
            found = inspect.getclosurevars(dependency.call).nonlocals["permission"]
            assert found is None or isinstance(found, Permission)
            return found
    raise AssertionError(f"{route.path} asks nobody who they are")


def _fill(path: str) -> str:
    """An address of the right form, of nothing that exists."""
    return re.sub(r"\{(\w+)(?::path)?\}", lambda found: "0" if found[1] in {"index", "place"} else "0" * 26, path)


def _name(route: APIRoute) -> str:
    return f"{'-'.join(sorted(route.methods))} {route.path}"


PAGES = [route for route in _list_routes() if not route.include_in_schema]
GUARDED = [route for route in PAGES if route.path not in OPEN]
FORMS = [route for route in PAGES if "POST" in route.methods]
GUARDED_FORMS = [route for route in FORMS if route.path not in OPEN]
API = [route for route in _list_routes() if route.path.startswith("/api/") and route.path != "/api/v1/health"]


def _find_role(permission: Permission | None) -> str:
    return next(role for role, held in ROLES.items() if permission is None or permission in held)


def _acts(people: People) -> list[str]:
    """Every event so far but the refusals that a test is about."""
    return [name for name in people.types() if name != "request.refused"]


def test_every_page_is_guarded_and_the_open_ones_are_known() -> None:
    unguarded = {route.path for route in PAGES if not _is_guarded(route)}
    assert unguarded == OPEN
    assert {route.path for route in GUARDED if _permission_of(route) is None} == FOR_ALL


@pytest.mark.parametrize("route", GUARDED_FORMS, ids=_name)
def test_a_form_without_the_sessions_token_changes_nothing(people: People, route: APIRoute) -> None:
    person = people.as_role(_find_role(_permission_of(route)))
    before = _acts(people)
    path = _fill(route.path)
    for fields, headers in (
        ({}, {}),
        ({"csrf": ""}, {}),
        ({"csrf": "0" * 32}, {}),
        ({"csrf": person.csrf}, {"Sec-Fetch-Site": "cross-site"}),
        ({"csrf": person.csrf}, {"Sec-Fetch-Site": "same-site"}),
        ({"csrf": "é"}, {}),
    ):
        answer = person.request("POST", path, fields, headers)
        assert answer.status == 403, (fields, headers)
        assert SENTENCES["csrf"][0].encode() in answer.data
    assert _acts(people) == before
    assert person.get("/me").status == 200


@pytest.mark.parametrize("path", ["/signin", "/link", "/language"])
def test_an_open_form_is_refused_from_another_site(people: People, path: str) -> None:
    people.as_role("supervisor")
    before = _acts(people)
    fields = {"name": "the-supervisor", "password": PASSWORD, "again": PASSWORD, "language": "en", "token": "x"}
    for site in ("cross-site", "same-site", "whatever"):
        answer = Person(people.system.url, "").request("POST", path, fields, {"Sec-Fetch-Site": site})
        assert answer.status == 403
        assert "set-cookie" not in answer.headers
    assert _acts(people) == before


@pytest.mark.parametrize("route", GUARDED, ids=_name)
def test_each_role_without_the_permission_is_refused_in_their_language_and_recorded(
    people: People, route: APIRoute
) -> None:
    permission = _permission_of(route)
    method = "POST" if "POST" in route.methods else "GET"
    for role, held in ROLES.items():
        if permission is None or permission in held:
            continue
        person = people.as_role(role)
        person.language = "zh-Hans"
        before = people.system.read_parts("request.refused", "refusal", "code").count("not_permitted")
        try:
            answer = person.request(method, _fill(route.path), {"csrf": person.csrf} if method == "POST" else None)
        finally:
            person.language = "en"
        assert answer.status == 403, role
        text = answer.data.decode()
        assert SENTENCES["not_permitted"][1] in text
        assert 'lang="zh-Hans"' in text
        assert SENTENCES["not_permitted"][0] not in text
        assert people.system.read_parts("request.refused", "refusal", "code").count("not_permitted") == before + 1


@pytest.mark.parametrize("route", GUARDED, ids=_name)
def test_a_stranger_is_led_to_the_sign_in_page(people: People, route: APIRoute) -> None:
    stranger, before = Person(people.system.url, "nobody"), people.types()
    method = "POST" if "POST" in route.methods else "GET"
    answer = stranger.request(method, _fill(route.path), {"csrf": "x"} if method == "POST" else None)
    assert answer.status == 303
    assert answer.headers["location"].startswith("/signin")
    assert people.types() == before


@pytest.mark.parametrize("route", [route for route in PAGES if "GET" in route.methods], ids=_name)
def test_no_page_is_framed_sniffed_or_told_to_others(people: People, route: APIRoute) -> None:
    known = people.as_role(_find_role(None if route.path in OPEN else _permission_of(route)))
    for person in (known, Person(people.system.url, "nobody")):
        headers = person.get(_fill(route.path)).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize("route", API, ids=_name)
def test_a_session_is_no_token(people: People, route: APIRoute) -> None:
    person = people.as_role("evidence_administrator")
    method = "POST" if "POST" in route.methods else "GET"
    headers = {"Content-Type": "application/json", "X-CSRF-Token": person.csrf}
    answer = person.request(method, _fill(route.path), headers=headers, body=b"{}" if method == "POST" else None)
    assert answer.status == 401


def test_a_token_is_no_session(people: People) -> None:
    token = people.system.server("token", "add", "a-program", "--role", "evidence_administrator").stdout.split()[-1]
    stranger = Person(people.system.url, "nobody")
    for headers in ({"Authorization": f"Bearer {token}"}, {"Cookie": f"evidock_session={token}"}):
        assert stranger.request("GET", "/recordings", headers=headers).status == 303


@pytest.mark.parametrize(
    "path",
    [
        "/static/0/../../config.toml",
        "/static/0/%2e%2e/%2e%2e/rendering.py",
        "/static/0/..%2f..%2frendering.py",
        "/static/0//etc/passwd",
        "/static/0/css%00/base.css",
        "/media/../ledger.db/x",
        "/media/%2e%2e%2f/..%2fledger.db",
        "/recordings/..%2f..%2fledger.db",
        "/recordings/thumbnails/..%2fx/..%2fledger.db",
        "/casefiles/..%2f..%2fprivate.db/exports/..%2fx",
        "/ledger/tile/..%2f..%2fprivate.db",
        "/registers/accounts/%00",
        "/docks/%F0%9F%92%A3",
        "/recorders/" + "9" * 5000,
        "/recordings/" + "%ff" * 200,
    ],
)
def test_no_path_leads_out_of_its_folder_or_breaks_the_server(people: People, path: str) -> None:
    for role in ("evidence_administrator", "security_administrator"):
        answer = people.as_role(role).get(path)
        assert answer.status in {303, 307, 400, 401, 403, 404, 414}, answer.status
        assert b"SQLite format" not in answer.data
        assert b"root:" not in answer.data
