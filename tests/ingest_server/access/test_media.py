"""Media under a grant: no byte without one, every refusal an event, and ranges as players ask for them."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chain_of_custody.identities import parse_shown_id
from tests.support.people import PASSWORD, Person
from tests.support.recorded import LOG, ODD, OWN, REASON

if TYPE_CHECKING:
    from tests.support.recorded import Recorded


def own_bytes(recorded: Recorded) -> bytes:
    return recorded.contents[f"DCIM/{OWN}"]


def test_the_original_plays_whole(recorded: Recorded) -> None:
    person = recorded.people.as_role("supervisor")
    answer = person.get(recorded.open(person, recorded.own))
    assert (answer.status, answer.headers["content-type"]) == (200, "video/mp4")
    assert answer.data == own_bytes(recorded)


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("bytes=0-99", 0, 100), ("bytes=500000-600000", 500000, 600001), ("bytes=-1000", -1000, None)],
)
def test_a_range_is_what_was_docked(recorded: Recorded, asked: str, first: int, last: int | None) -> None:
    person = recorded.people.as_role("supervisor")
    answer = person.get(recorded.open(person, recorded.own), Range=asked)
    expected = own_bytes(recorded)[first:last]
    assert (answer.status, answer.data) == (206, expected)
    assert answer.headers["content-length"] == str(len(expected))
    assert answer.headers["content-range"].endswith(f"/{len(own_bytes(recorded))}")


def test_a_range_beyond_the_end_is_answered_with_the_size(recorded: Recorded) -> None:
    person = recorded.people.as_role("supervisor")
    answer = person.get(recorded.open(person, recorded.own), Range="bytes=99999999-")
    assert (answer.status, answer.headers["content-range"]) == (416, f"bytes */{len(own_bytes(recorded))}")


def test_several_ranges_are_answered_with_the_whole(recorded: Recorded) -> None:
    person = recorded.people.as_role("supervisor")
    answer = person.get(recorded.open(person, recorded.own), Range="bytes=0-1,5-9")
    assert (answer.status, answer.data) == (200, own_bytes(recorded))


def test_a_range_of_other_content_is_answered_with_the_whole(recorded: Recorded) -> None:
    person = recorded.people.as_role("supervisor")
    address = recorded.open(person, recorded.own)
    tag = person.get(address, Range="bytes=0-0").headers["etag"]
    assert person.get(address, Range="bytes=0-9", **{"If-Range": tag}).status == 206
    assert person.get(address, Range="bytes=0-9", **{"If-Range": '"other"'}).status == 200


def test_head_tells_the_size_and_sends_nothing(recorded: Recorded) -> None:
    person = recorded.people.as_role("supervisor")
    answer = person.request("HEAD", recorded.open(person, recorded.own))
    assert (answer.status, answer.data) == (200, b"")
    assert answer.headers["content-length"] == str(len(own_bytes(recorded)))
    assert answer.headers["accept-ranges"] == "bytes"


def test_what_is_no_media_is_only_ever_saved(recorded: Recorded) -> None:
    person = recorded.people.as_role("evidence_administrator")
    answer = person.get(recorded.open(person, recorded.odd))
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment; ")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.data == recorded.contents[f"DCIM/{ODD}"]


def test_an_empty_file_is_sent_as_nothing(recorded: Recorded) -> None:
    person = recorded.people.as_role("evidence_administrator")
    address = recorded.open(person, recorded.ids[LOG])
    assert (person.get(address).status, person.get(address).data) == (200, b"")
    assert person.get(address, Range="bytes=0-").status == 416


def test_an_address_copied_to_another_session_is_refused_and_recorded(recorded: Recorded) -> None:
    person = recorded.people.as_role("supervisor")
    address = recorded.open(person, recorded.own)
    again = Person(recorded.people.system.url, person.name)
    again.sign_in(PASSWORD)
    answer = again.get(address, Range="bytes=0-99")
    assert (answer.status, b"grant_missing" in answer.data) == (403, True)
    assert recorded.refusals(recorded.own).count("other_session") == 1
    # A player that asks again and again does not fill the ledger.
    assert again.get(address).status == 403
    assert recorded.refusals(recorded.own).count("other_session") == 1


def test_an_address_without_a_session_is_refused_and_recorded(recorded: Recorded) -> None:
    person = recorded.people.as_role("supervisor")
    stranger = Person(recorded.people.system.url, "nobody")
    before = recorded.people.types().count("request.refused")
    assert stranger.get(recorded.open(person, recorded.own)).status == 403
    assert recorded.people.types().count("request.refused") == before + 1


def test_a_grant_opens_no_other_recording(recorded: Recorded) -> None:
    person = recorded.people.as_role("evidence_administrator")
    address = recorded.open(person, recorded.own)
    answer = person.get(address.replace(recorded.own, recorded.odd))
    assert answer.status == 403
    assert recorded.refusals(recorded.odd).count("other_recording") == 1


@pytest.mark.parametrize("column", ["expires_at", "used_at"])
def test_a_grant_that_ran_out_is_refused_and_recorded(recorded: Recorded, column: str) -> None:
    person = recorded.people.add(f"late-{column}", "evidence_administrator")
    address = recorded.open(person, recorded.own)
    with recorded.people.installation() as installation:
        installation.private.execute(
            f"update grants set {column} = ? where grant_id = ?", "2026-01-01T00:00:00.000000Z", address.split("/")[2]
        )
    before = recorded.refusals(recorded.own).count("expired")
    assert person.get(address, Range="bytes=0-99").status == 403
    assert recorded.refusals(recorded.own).count("expired") == before + 1


def test_a_grant_that_somebody_ended_is_refused_and_recorded(recorded: Recorded) -> None:
    watcher = recorded.people.as_role("supervisor")
    address = recorded.open(watcher, recorded.own)
    administrator = recorded.people.as_role("evidence_administrator")
    fields = {"grant": address.split("/")[2], "reason": "the complaint was withdrawn"}
    assert administrator.post(f"/recordings/{recorded.own}/access/revoke", fields).status == 303
    assert watcher.get(address).status == 403
    assert recorded.refusals(recorded.own).count("ended") == 1
    assert "recording.access_revoked" in recorded.people.types()


def test_signing_out_ends_what_one_may_watch(recorded: Recorded) -> None:
    person = recorded.people.add("leaves", "evidence_administrator")
    address, cookies = recorded.open(person, recorded.own), dict(person.cookies)
    person.post("/signout")
    person.cookies = cookies
    assert person.get(address).status == 403


def test_a_restriction_ends_what_is_being_watched(recorded: Recorded) -> None:
    person = recorded.people.as_role("evidence_administrator")
    address = recorded.open(person, recorded.odd)
    page = f"/recordings/{recorded.odd}"
    assert recorded.change(person, recorded.odd, "restriction", {"restrict": "yes", "reason": "minors"}).status == 303
    assert person.get(address).status == 403
    assert "This recording is restricted" in person.read(page)
    assert person.post(f"{page}/access", REASON).status == 403
    assert "restricted" in recorded.refusals(recorded.odd)
    assert recorded.change(person, recorded.odd, "restriction", {"restrict": "no", "reason": "reviewed"}).status == 303
    assert person.post(f"{page}/access", REASON).status == 303


def test_downloading_is_another_grant_and_another_event(recorded: Recorded) -> None:
    person = recorded.people.as_role("supervisor")
    answer = person.post(f"/recordings/{recorded.own}/download", REASON)
    assert answer.status == 303
    assert "recording.downloaded" in recorded.people.types()
    saved = person.get(answer.headers["location"])
    assert saved.headers["content-disposition"].startswith("attachment; ")
    assert saved.data == own_bytes(recorded)


def test_who_may_only_watch_does_not_download(recorded: Recorded) -> None:
    officer = recorded.people.as_role("officer")
    assert officer.post(f"/recordings/{recorded.own}/download", REASON).status == 403


@pytest.mark.parametrize("shown", ["0" * 26, "nonsense", "..%2f..%2fetc"])
def test_a_recording_that_is_none_has_no_media(recorded: Recorded, shown: str) -> None:
    assert recorded.people.as_role("supervisor").get(f"/media/{'0' * 32}/{shown}").status in {400, 403, 404}


def count_open_originals(recorded: Recorded) -> int:
    process = recorded.people.system.process
    assert process is not None
    links = [str(link.readlink()) for link in Path(f"/proc/{process.pid}/fd").iterdir() if link.exists()]
    return sum("/originals/" in link for link in links)


def test_a_client_that_hangs_up_leaves_nothing_open(recorded: Recorded) -> None:
    person = recorded.people.as_role("supervisor")
    address = recorded.open(person, recorded.own)
    cookies = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
    with closing(socket.create_connection(("127.0.0.1", recorded.people.system.port))) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.sendall(f"GET {address} HTTP/1.1\r\nHost: x\r\nCookie: {cookies}\r\n\r\n".encode())
        assert line.recv(1000).startswith(b"HTTP/1.1 200")
        # Meanwhile everybody else is served.
        assert person.get(address, Range="bytes=0-99").status == 206
    deadline = time.monotonic() + 10
    while count_open_originals(recorded) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert count_open_originals(recorded) == 0


def test_slow_clients_hold_up_nobody(recorded: Recorded) -> None:
    person = recorded.people.as_role("supervisor")
    address = recorded.open(person, recorded.own)
    cookies = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
    with ExitStack() as lines:
        for _ in range(60):
            line = socket.create_connection(("127.0.0.1", recorded.people.system.port))
            lines.enter_context(closing(line))
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            line.sendall(f"GET {address} HTTP/1.1\r\nHost: x\r\nCookie: {cookies}\r\n\r\n".encode())
        started = time.monotonic()
        for _ in range(10):
            assert person.get(address, Range="bytes=0-99").status == 206
            assert person.get(f"/recordings/{recorded.own}").status == 200
        assert time.monotonic() - started < 20


def test_a_version_that_the_store_lost_is_a_refusal_in_words(recorded: Recorded) -> None:
    person = recorded.people.as_role("evidence_administrator")
    shown = recorded.odd
    address = recorded.open(person, shown)
    with recorded.people.installation() as installation:
        row = installation.catalogue.fetch_one(
            "select store_key from recordings where evidence_id = ?", parse_shown_id(shown)
        )
        assert row is not None
        path = installation.store.path_of(row["store_key"])  # type: ignore[attr-defined]
    hidden = path.with_name("hidden")
    path.rename(hidden)
    try:
        answer = person.get(address)
        assert answer.status in {404, 503}
        assert b"problem" in answer.data
    finally:
        hidden.rename(path)
