"""Text records: what is taken, how it is kept, how it is given back."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_server.cases.document_types import ENDINGS, name_media_type
from ingest_server.errors import BadRequestError
from ingest_server.web.downloads import download_headers

if TYPE_CHECKING:
    from tests.support.filled import Filled
    from tests.support.people import Person

PDF = b"%PDF-1.7\n" + os.urandom(20_000)


def add(filled: Filled, casefile: str, name: str = "笔录.pdf", content: bytes = PDF, **changed: str) -> tuple[int, str]:
    fields = {"stage": "investigation", "kind": "transcript", **changed}
    answer = filled.people.as_role("case_handler").upload(f"/casefiles/{casefile}/documents", fields, name, content)
    return answer.status, answer.data.decode()


def find_form(person: Person, casefile: str, verb: str, stage: str = "investigation") -> str:
    page = person.read(f"/casefiles/{casefile}?stage={stage}")
    identity = page.split(f"/casefiles/{casefile}/documents/")[1].split("/")[0].partition('"')[0]
    return f"/casefiles/{casefile}/documents/{identity}/{verb}"


def test_a_text_record_comes_back_byte_for_byte_as_an_attachment(filled: Filled) -> None:
    casefile = filled.open_casefile("doc-1")
    assert add(filled, casefile)[0] == 303
    reviewer = filled.people.as_role("legal_reviewer")
    answer = reviewer.post(find_form(reviewer, casefile, "download"))
    assert (answer.status, answer.data) == (200, PDF)
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


def test_its_digest_and_place_are_in_the_ledger_and_each_download_too(filled: Filled) -> None:
    casefile = filled.open_casefile("doc-2")
    add(filled, casefile)
    digests = filled.system.read_parts("casefile.document_added", "document", "digests")
    assert digests[-1] == {"sha2-256": hashlib.sha256(PDF).hexdigest()}
    key = filled.system.read_parts("casefile.document_added", "document", "store_key")[-1]
    assert (filled.system.data / "store" / key).read_bytes() == PDF
    handler = filled.people.as_role("case_handler")
    before = filled.people.types().count("casefile.document_downloaded")
    handler.post(find_form(handler, casefile, "download"))
    assert filled.people.types().count("casefile.document_downloaded") == before + 1


def test_a_download_does_not_move_the_version_a_form_carries(filled: Filled) -> None:
    casefile = filled.open_casefile("doc-3")
    add(filled, casefile)
    version, handler = filled.version(casefile), filled.people.as_role("case_handler")
    handler.post(find_form(handler, casefile, "download"))
    assert filled.version(casefile) == version


def test_a_removed_text_record_keeps_its_line_and_its_bytes(filled: Filled) -> None:
    casefile = filled.open_casefile("doc-4")
    add(filled, casefile)
    handler = filled.people.as_role("case_handler")
    removal = find_form(handler, casefile, "remove")
    fields = {"version": filled.version(casefile), "stage": "investigation", "reason": "the wrong form"}
    assert handler.post(removal, fields).status == 303
    page = handler.read(f"/casefiles/{casefile}?stage=investigation")
    assert "Taken from this stage" in page
    assert "the wrong form" in page
    assert handler.post(removal.replace("/remove", "/download")).data == PDF
    assert handler.post(removal, {**fields, "version": filled.version(casefile)}).status == 409


def test_removing_on_an_old_version_is_refused(filled: Filled) -> None:
    casefile = filled.open_casefile("doc-5")
    add(filled, casefile)
    version, handler = filled.version(casefile), filled.people.as_role("case_handler")
    filled.attach(casefile, filled.own[0])
    answer = handler.post(
        find_form(handler, casefile, "remove"), {"version": version, "stage": "review", "reason": "r"}
    )
    assert answer.status == 409
    assert b"Somebody else changed it meanwhile" in answer.data


def test_a_text_record_of_another_case_file_is_not_found_here(filled: Filled) -> None:
    one, other = filled.open_casefile("doc-6"), filled.open_casefile("doc-7")
    add(filled, one)
    handler = filled.people.as_role("case_handler")
    assert handler.post(find_form(handler, one, "download").replace(one, other)).status == 404


@pytest.mark.parametrize(
    ("name", "content", "status"),
    [
        ("page.html", b"<script>1</script>", 400),
        ("program.exe", b"MZ", 400),
        ("nothing", b"x", 400),
        ("not-a.pdf", b"<html>", 400),
        ("binary.txt", b"a\x00b", 400),
        ("empty.pdf", b"", 400),
        ("hidden\u202efdp.pdf", PDF, 400),
    ],
)
def test_what_is_no_text_record_is_refused_and_nothing_is_recorded(
    filled: Filled, name: str, content: bytes, status: int
) -> None:
    casefile = filled.open_casefile(f"refused {name}".replace("\u202e", ""))
    version = filled.version(casefile)
    answer = add(filled, casefile, name, content)
    assert answer[0] == status
    assert "<script>1" not in answer[1]
    assert filled.version(casefile) == version


def test_a_file_over_the_policys_limit_is_refused(filled: Filled) -> None:
    casefile = filled.open_casefile("large")
    filled.system.server("policy", "set", "document.max_mib", "1", "--reason", "test")
    try:
        assert add(filled, casefile, content=b"%PDF-" + bytes(1 << 20))[0] == 413
        assert add(filled, casefile, content=b"%PDF-" + bytes(5 << 20))[0] == 413
    finally:
        filled.system.server("policy", "set", "document.max_mib", "100", "--reason", "test")


def test_a_file_larger_than_any_other_form_is_taken(filled: Filled) -> None:
    casefile, content = filled.open_casefile("larger"), b"%PDF-1.7\n" + os.urandom(3 << 20)
    assert add(filled, casefile, content=content)[0] == 303
    handler = filled.people.as_role("case_handler")
    assert handler.post(find_form(handler, casefile, "download")).data == content


def test_a_text_beside_a_file_is_no_way_around_the_limit_of_texts(filled: Filled) -> None:
    casefile, before = filled.open_casefile("beside"), filled.people.types()
    assert add(filled, casefile, note="x" * (2 << 20))[0] == 400
    assert filled.people.types() == before


def test_folders_before_a_name_are_cut_off(filled: Filled) -> None:
    casefile = filled.open_casefile("folders")
    assert add(filled, casefile, "..\\..\\etc/passwd.txt", "文字".encode())[0] == 303
    assert filled.system.read_parts("casefile.document_added", "document", "name")[-1] == "passwd.txt"


def test_a_reader_adds_nothing(filled: Filled) -> None:
    casefile = filled.open_casefile("reader")
    reviewer = filled.people.as_role("legal_reviewer")
    fields = {"stage": "review", "kind": "other"}
    assert reviewer.upload(f"/casefiles/{casefile}/documents", fields, "a.pdf", PDF).status == 403


@given(st.text(max_size=40), st.binary(max_size=200))
def test_any_file_is_named_or_refused(name: str, beginning: bytes) -> None:
    for candidate in (name, *(name + ending for ending in ENDINGS)):
        try:
            media_type = name_media_type(candidate, beginning)
        except BadRequestError:
            continue
        assert "html" not in media_type


@given(st.text(max_size=300))
def test_no_name_gets_out_of_its_header(name: str) -> None:
    value = download_headers(name, 1)["Content-Disposition"]
    assert value.isascii()
    assert value.isprintable()
    assert value.startswith('attachment; filename="')
    assert value.count('"') == 2
