"""The list of recordings: who sees what, pictures only under an event, saved searches, linking many."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from chain_of_custody.identities import parse_shown_id
from ingest_server.custody.actors import server_actor
from ingest_server.custody.recording import Event
from ingest_server.media.recording import Piece, make_events
from ingest_server.sentences import SENTENCES
from tests.support.people import PASSWORD, Person

if TYPE_CHECKING:
    from tests.support.filled import Filled

# A black picture of 16 by 8 points.
PICTURE = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAFA3PEY8MlBGQUZaVVBfeMiCeG5uePWvuZHI//////////////////////////////////////////////"
    "//////2wBDAVVaWnhpeOuCguv/////////////////////////////////////////////////////////////////////////wAARCAAIABADASIA"
    "AhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAT/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/8QAFAEBAAAAAAAAAAAAAAAAAAAAAP/EABQRAQAAAAAA"
    "AAAAAAAAAAAAAAD/2gAMAwEAAhEDEQA/AIgAf//Z"
)


def make_picture(filled: Filled, shown: str) -> None:
    """A thumbnail as the worker makes one."""
    evidence_id = parse_shown_id(shown)
    with filled.people.installation() as installation:
        if installation.catalogue.fetch("select 1 from derivatives where evidence_id = ?", evidence_id):
            return
        stored = installation.store.put_derivative(f"derivatives/2026/{evidence_id}", PICTURE)
        piece = Piece("thumbnail", 0, 0, None, 240, 135, PICTURE)
        installation.custody.record(server_actor(), *make_events(evidence_id, [(piece, stored)], {"av": "1"}))


def preview(person: Person, *shown: str) -> dict[str, str]:
    """Ask for pictures as the page's script does."""
    answer = person.post("/recordings/previews", [("evidence_id", one) for one in shown], Accept="application/json")
    assert answer.status == 200, answer.data.decode()
    return dict(json.loads(answer.data)["pictures"])


def previews(filled: Filled) -> list[list[str]]:
    """The recordings that each event of pictures names."""
    return [part["evidence_ids"] for part in read_previews(filled)]


def read_previews(filled: Filled) -> list[dict[str, Any]]:
    with filled.people.installation() as installation:
        size = installation.ledger.checkpoint()[0].size
        entries = installation.ledger.entries(0, size)
    found = [
        entry.record.value("preview") for entry in entries if entry.leaf.type == "recordings.previewed" and entry.record
    ]
    return [part for part in found if isinstance(part, dict)]


def list_ids(page: str) -> list[str]:
    return re.findall(r'name="evidence_id" value="(\w{26})"', page)


def test_an_officer_sees_own_recordings_and_a_supervisor_the_units(filled: Filled) -> None:
    everybody = [*filled.own, filled.foreign]
    for role, expected in (("officer", filled.own), ("supervisor", filled.own), ("evidence_administrator", everybody)):
        page = filled.people.as_role(role).read("/recordings")
        assert sorted(list_ids(page)) == sorted(expected), role
        assert f"{len(expected)} found" in page


@pytest.mark.parametrize("role", ["auditor", "system_administrator", "security_administrator"])
def test_roles_without_footage_are_refused_and_it_is_an_event(filled: Filled, role: str) -> None:
    person = filled.people.as_role(role)
    before = filled.people.types().count("request.refused")
    assert person.get("/recordings").status == 403
    assert person.post("/recordings/saved", {"name": "x", "address": "/recordings"}).status == 403
    assert person.post("/recordings/previews", {"evidence_id": filled.own[0]}).status == 403
    assert filled.people.types().count("request.refused") == before + 3


def test_a_filter_in_the_address_narrows_the_list_and_says_so(filled: Filled) -> None:
    admin = filled.people.as_role("evidence_administrator")
    page = admin.read("/recordings?officer=099999&since=2026-11-23")
    assert list_ids(page) == [filled.foreign]
    assert 'href="/recordings?officer=099999"' in page
    assert list_ids(admin.read("/recordings?officer=Li+Wei")) != []
    assert list_ids(admin.read(f"/recordings?text={filled.foreign.lower()}")) == [filled.foreign]


def test_registers_are_offered_only_to_who_may_look_them_up(filled: Filled) -> None:
    filled.open_casefile("〔2026〕70号", "Weighing scales")
    supervisor = filled.people.as_role("supervisor")
    assert 'href="/recordings?officer=014207"' in supervisor.read("/recordings?text=Li+W")
    assert "Weighing scales" in supervisor.read("/recordings?text=weighing")
    officer = filled.people.as_role("officer")
    assert 'href="/recordings?officer=014207"' not in officer.read("/recordings?text=Li+W")
    assert "Weighing scales" not in officer.read("/recordings?text=weighing")


def test_parts_alone_are_sent_while_somebody_types(filled: Filled) -> None:
    answer = filled.people.as_role("supervisor").get("/recordings?text=zzzz&stage=", **{"HX-Request": "true"})
    text = answer.data.decode()
    assert "<html" not in text
    assert "Nothing found" in text
    assert answer.headers["hx-replace-url"] == "/recordings?text=zzzz"
    assert "search;dur=" in answer.headers["server-timing"]


def test_what_is_not_understood_is_said(filled: Filled) -> None:
    page = filled.people.as_role("supervisor").read("/recordings?since=yesterday")
    assert "was not understood" in page
    assert len(list_ids(page)) == len(filled.own)


def test_restricted_recordings_are_counted_and_not_listed(filled: Filled) -> None:
    shown = filled.own[2]
    person = filled.people.as_role("legal_reviewer")
    restrict(filled, shown, "recording.restricted")
    try:
        page = person.read("/recordings")
        assert shown not in page
        assert "1 more is restricted and not listed" in page
        assert shown in filled.people.as_role("supervisor").read("/recordings")
    finally:
        restrict(filled, shown, "recording.released")


def restrict(filled: Filled, shown: str, verb: str) -> None:
    with filled.people.installation() as installation:
        event = Event(verb, "recording", parse_shown_id(shown), {"reason": "test"})
        installation.custody.record(server_actor(), event)


def test_a_name_with_markup_and_hidden_marks_is_shown_as_text(filled: Filled) -> None:
    page = filled.people.as_role("supervisor").read("/recordings?text=%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


# Pictures


def test_a_page_of_pictures_is_one_event_before_the_first_of_them(filled: Filled) -> None:
    for shown in (*filled.own[:2], filled.foreign):
        make_picture(filled, shown)
    supervisor = filled.people.as_role("supervisor")
    before = previews(filled)
    pictures = preview(supervisor, *filled.own, filled.foreign)
    # The third has no picture, the foreign one is out of reach: neither is shown nor named.
    assert sorted(pictures) == sorted(filled.own[:2])
    assert previews(filled)[len(before) :] == [filled.own[:2]]
    answer = supervisor.get(pictures[filled.own[0]])
    assert (answer.status, answer.data, answer.headers["content-type"]) == (200, PICTURE, "image/jpeg")
    assert answer.headers["cache-control"] == "no-store"


def test_the_same_look_again_is_no_second_event(filled: Filled) -> None:
    make_picture(filled, filled.own[0])
    person = filled.people.add("looks-twice", "evidence_administrator")
    first = preview(person, *filled.own)
    count = len(previews(filled))
    assert preview(person, filled.own[0]) == {filled.own[0]: first[filled.own[0]]}
    assert len(previews(filled)) == count


def test_where_there_is_no_picture_nothing_is_recorded(filled: Filled) -> None:
    count = len(previews(filled))
    assert preview(filled.people.as_role("supervisor"), filled.own[2], "no id", filled.foreign) == {}
    assert len(previews(filled)) == count


def test_previewing_does_not_move_the_accounts_version(filled: Filled) -> None:
    make_picture(filled, filled.own[0])
    person = filled.people.add("looks-once", "evidence_administrator")
    account = filled.people.account_id(person)
    preview(person, filled.own[0])
    with filled.people.installation() as installation:
        head = installation.ledger.head(account)
    assert head is not None
    assert head.seq > head.version


def test_a_copied_picture_address_opens_nothing_and_is_an_event(filled: Filled) -> None:
    make_picture(filled, filled.own[0])
    owner = filled.people.as_role("supervisor")
    address = preview(owner, filled.own[0])[filled.own[0]]
    again = Person(owner.url, owner.name)
    again.sign_in(PASSWORD)
    for person in (again, filled.people.as_role("evidence_administrator"), Person(owner.url, "nobody")):
        before = filled.people.types().count("request.refused")
        answer = person.get(address)
        assert answer.status == 403
        assert PICTURE not in answer.data
        assert filled.people.types().count("request.refused") == before + 1


def test_a_preview_shows_only_what_it_was_opened_for_and_only_within_reach(filled: Filled) -> None:
    for shown in (filled.own[0], filled.own[1]):
        make_picture(filled, shown)
    person = filled.people.add("reviews", "legal_reviewer", unit="3100457")
    address = preview(person, filled.own[0])[filled.own[0]]
    assert person.get(address.replace(filled.own[0], filled.own[1])).status == 403
    assert person.get(address).status == 200
    restrict(filled, filled.own[0], "recording.restricted")
    try:
        assert person.get(address).status == 403
    finally:
        restrict(filled, filled.own[0], "recording.released")


def test_pictures_without_scripts_are_shown_by_the_list_itself(filled: Filled) -> None:
    make_picture(filled, filled.own[0])
    person = filled.people.as_role("supervisor")
    fields = [("address", "/recordings?officer=014207"), *(("evidence_id", shown) for shown in filled.own)]
    answer = person.post("/recordings/previews", fields)
    assert answer.status == 303
    location = answer.headers["location"]
    assert location.startswith("/recordings?officer=014207&pictures=")
    assert f'/{filled.own[0]}" alt=""' in person.read(location)
    stranger = filled.people.as_role("evidence_administrator").read(location)
    assert "/recordings/thumbnails/" not in stranger


def test_a_picture_form_from_elsewhere_is_refused(filled: Filled) -> None:
    answer = filled.people.as_role("supervisor").request(
        "POST", "/recordings/previews", {"csrf": "guessed", "evidence_id": filled.own[0]}
    )
    assert answer.status == 403


# Saved searches


def test_a_search_is_kept_under_a_name_and_forgotten(filled: Filled) -> None:
    person = filled.people.as_role("supervisor")
    fields = {"name": "夜间 <b>", "address": "/recordings?text=night&sort=size&evil=//host&after=3"}
    assert person.post("/recordings/saved", fields).headers["location"] == "/recordings?text=night&sort=size"
    page = person.read("/recordings")
    assert 'href="/recordings?text=night&amp;sort=size"' in page
    assert "夜间 &lt;b&gt;" in page
    assert "夜间" not in filled.people.as_role("evidence_administrator").read("/recordings")
    person.post("/recordings/saved", {"act": "remove", "name": "夜间 <b>", "address": "/recordings"})
    assert "夜间" not in person.read("/recordings")


@pytest.mark.parametrize("address", ["//host/recordings", "https://host/", "javascript:alert(1)", "/\\host", "\x00"])
def test_a_saved_address_never_leads_away(filled: Filled, address: str) -> None:
    person = filled.people.as_role("supervisor")
    answer = person.post("/recordings/saved", {"name": "away", "address": address})
    assert (answer.status, answer.headers["location"]) == (303, "/recordings")


def test_a_name_of_nothing_is_refused_on_the_page(filled: Filled) -> None:
    answer = filled.people.as_role("supervisor").post("/recordings/saved", {"name": " ", "address": "/recordings"})
    assert answer.status == 400
    assert SENTENCES["text_unfit"][0] in answer.data.decode()


# Linking many


def test_linking_many_is_shown_first_done_as_one_act_and_undone(filled: Filled) -> None:
    casefile = filled.open_casefile("〔2026〕77号")
    filled.attach(casefile, filled.own[0], stage="review")
    person = filled.people.as_role("supervisor")
    named = [("evidence_id", shown) for shown in (*filled.own, filled.foreign, "nonsense")]
    asked = [("number", "〔2026〕77号"), ("stage", "review"), *named]

    before = filled.people.types()
    page = person.post("/recordings/link", asked).data.decode()
    assert "2 recordings will be attached" in page
    assert "1 is attached there already" in page
    assert "2 cannot be attached" in page
    assert filled.people.types() == before

    fields = [*asked, ("version", filled.version(casefile)), ("reason", "same incident"), ("act", "attach")]
    answer = person.post("/recordings/link", fields)
    assert answer.status == 303
    assert filled.people.types()[len(before) :] == ["casefile.attached", "recording.attached"] * 2
    linked = person.read(answer.headers["location"])
    assert "2 recordings are attached at this stage" in linked

    ids = [("evidence_id", shown) for shown in list_ids(linked)]
    assert len(ids) == 2
    undo = [
        ("number", "〔2026〕77号"),
        ("stage", "review"),
        ("version", filled.version(casefile)),
        ("reason", "undone"),
    ]
    answer = person.post("/recordings/unlink", [*undo, *ids])
    assert "2 recordings are not attached at this stage" in person.read(answer.headers["location"])
    assert filled.people.types()[-4:] == ["casefile.detached", "recording.detached"] * 2


def test_a_plan_on_an_older_case_file_is_refused(filled: Filled) -> None:
    casefile = filled.open_casefile("〔2026〕78号")
    version = filled.version(casefile)
    filled.attach(casefile, filled.own[1], stage="decision")
    fields = {
        "number": "〔2026〕78号", "stage": "review", "evidence_id": filled.own[0], "version": version, "reason": "x",
        "act": "attach",
    }  # fmt: skip
    answer = filled.people.as_role("supervisor").post("/recordings/link", fields)
    assert answer.status == 409
    assert "Somebody else changed it meanwhile" in answer.data.decode()


@pytest.mark.parametrize(
    ("changes", "status", "sentence"),
    [
        ({"number": "no such"}, 404, "There is no case file with this number"),
        ({"stage": "trial"}, 400, "That cannot be done so"),
        ({"evidence_id": ""}, 400, "Choose at least one recording"),
        ({"act": "attach", "reason": "", "version": "1"}, 400, SENTENCES["text_unfit"][0]),
        ({"act": "attach", "reason": "x", "version": "x"}, 400, "not in the expected form"),
    ],
)
def test_a_link_that_cannot_be_is_explained(
    filled: Filled, changes: dict[str, str], status: int, sentence: str
) -> None:
    number = "〔2026〕79号"
    filled.open_casefile(number)
    fields = {"number": number, "stage": "review", "evidence_id": filled.own[0], **changes}
    answer = filled.people.as_role("supervisor").post("/recordings/link", fields)
    assert answer.status == status
    assert sentence in answer.data.decode()


def test_who_may_not_change_case_files_cannot_link(filled: Filled) -> None:
    officer = filled.people.as_role("officer")
    assert "Attach to a case file" not in officer.read("/recordings")
    for path in ("/recordings/link", "/recordings/unlink"):
        assert officer.post(path, {"evidence_id": filled.own[0]}).status == 403
    assert officer.get("/recordings/linked?casefile=x").status == 403
