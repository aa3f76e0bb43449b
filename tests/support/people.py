"""People at the pages: accounts of a running server, signed in, with the browser's cookie and the form's token."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
import urllib3
from urllib3.filepost import encode_multipart_formdata

from chain_of_custody.instants import utc_clock
from ingest_server.accounts.queries import find_account
from ingest_server.accounts.registers import add_officer, add_unit
from ingest_server.accounts.users import add_user
from ingest_server.custody.actors import operator_actor
from ingest_server.installation import Installation
from tests.support.whole_system import WholeSystem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PASSWORD = "three quiet words 7"
# One account a role, all of the unit that owns officer 014237's recordings.
UNIT, OFFICER = "3100457", "014207"


@dataclass
class Person:
    """Somebody with a browser."""

    url: str
    name: str
    language: str = "en"
    cookies: dict[str, str] = field(default_factory=dict)
    csrf: str = ""

    def request(
        self,
        method: str,
        path: str,
        fields: Mapping[str, str] | Sequence[tuple[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """Send one request as the browser would, without following redirects; cookies are kept."""
        sent = {
            "Accept-Language": self.language,
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            **(headers or {}),
        }
        if fields is not None:
            body = urlencode(list(fields.items()) if hasattr(fields, "items") else list(fields)).encode()
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        with urllib3.PoolManager(retries=False) as pool:
            answer = pool.request(method, self.url + path, headers=sent, body=body, redirect=False)
        for line in answer.headers.getlist("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value.strip('"')
        return answer

    def upload(
        self, path: str, fields: Mapping[str, str], name: str, content: bytes, **headers: str
    ) -> urllib3.BaseHTTPResponse:
        """Send a form with a file in its field ``file``."""
        parts: list[tuple[str, str | tuple[str, bytes]]] = [("csrf", self.csrf), *fields.items()]
        body, kind = encode_multipart_formdata([*parts, ("file", (name, content))])
        return self.request("POST", path, None, {"Content-Type": kind, **headers}, body)

    def get(self, path: str, **headers: str) -> urllib3.BaseHTTPResponse:
        """Look at a page."""
        return self.request("GET", path, headers=headers)

    def read(self, path: str) -> str:
        """The text of a page that must be there."""
        answer = self.get(path)
        assert answer.status == 200, f"{path}: {answer.status}\n{answer.data.decode()[:2000]}"
        return answer.data.decode()

    def post(
        self, path: str, fields: Mapping[str, str] | Sequence[tuple[str, str]] = (), **headers: str
    ) -> urllib3.BaseHTTPResponse:
        """Send a form with the session's token."""
        pairs = list(fields.items()) if hasattr(fields, "items") else list(fields)
        return self.request("POST", path, [("csrf", self.csrf), *pairs], headers)

    def sign_in(self, password: str = PASSWORD) -> urllib3.BaseHTTPResponse:
        """Sign in by name and password."""
        answer = self.request("POST", "/signin", {"name": self.name, "password": password})
        if answer.status == 303:
            self.csrf = read_csrf(self.read("/me"))
        return answer

    def spend(self, link: str, password: str = PASSWORD) -> None:
        """Open a one-time link and set the password."""
        answer = self.request(
            "POST", "/link", {"token": link.partition("#")[2], "password": password, "again": password}
        )
        assert answer.status == 303, answer.data.decode()
        self.csrf = read_csrf(self.read("/me"))


def read_csrf(page: str) -> str:
    """The token in a page."""
    found = re.search(r'data-csrf="([^"]+)"', page)
    assert found
    return found[1]


class People:
    """A running system with registers, and people who sign in as they are asked for."""

    def __init__(self, system: WholeSystem) -> None:
        self.system = system
        self.known: dict[str, Person] = {}
        with self.installation() as installation:
            add_unit(installation, operator_actor(), UNIT, "Market inspection brigade")
            add_officer(installation, operator_actor(), OFFICER, "Li Wei", unit=UNIT)

    def installation(self) -> Installation:
        """The same data folder in this process; a context manager."""
        return Installation.open(self.system.data, utc_clock)

    def add(self, name: str, role: str, *, officer: str | None = None, unit: str | None = None) -> Person:
        """Make an account and sign its person in."""
        with self.installation() as installation:
            link = add_user(installation, operator_actor(), name, role, officer=officer, unit=unit)
        person = Person(self.system.url, name)
        person.spend(link)
        return person

    def as_role(self, role: str) -> Person:
        """The one person of a role; officers and supervisors belong to the unit."""
        if role not in self.known:
            officer = OFFICER if role == "officer" else None
            unit = UNIT if role in {"supervisor", "case_handler", "legal_reviewer"} else None
            self.known[role] = self.add(f"the-{role}", role, officer=officer, unit=unit)
        return self.known[role]

    def account_id(self, person: Person) -> str:
        """The identity of somebody's account."""
        with self.installation() as installation:
            account = find_account(installation.catalogue, person.name)
        assert account is not None
        return str(account["account_id"])

    def types(self) -> list[str]:
        """The types of every event so far."""
        return [event["type"] for event in self.system.events()]


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    """A server on the directory store with units, officers and accounts; no recordings yet."""
    system = WholeSystem(tmp_path_factory.mktemp("people"))
    system.start_server()
    yield People(system)
    system.stop_server()
