"""Writing packages, with the BagIt library as the independent judge."""

import io
import tracemalloc
import zipfile

import bagit
import pytest

from chain_of_custody.digests import sha256_hex
from chain_of_custody.gathering import gather_entries, gather_proofs
from chain_of_custody.packaging import Original, PackagingError, write_package
from chain_of_custody.policy import Policy, TrustPolicy
from chain_of_custody.verifier import verify_package
from tests.support.custody_packages import Installation, read_members


@pytest.fixture
def agency(tmp_path):
    installation = Installation(tmp_path / "data")
    installation.enrol()
    return installation


def test_unpacked_package_is_a_valid_bag(tmp_path, agency):
    recordings = [agency.receive(b"one"), agency.receive(b"")]
    with zipfile.ZipFile(io.BytesIO(agency.export(recordings))) as archive:
        archive.extractall(tmp_path / "unpacked")
    bag = bagit.Bag(str(tmp_path / "unpacked" / "case-2025-1"))
    bag.validate()
    assert bag.info["Payload-Oxum"] == "3.2"


def test_same_export_written_again_is_the_same_bytes(agency):
    recordings = [agency.receive(b"one"), agency.receive(b"two")]
    prepared = agency.prepare(recordings)
    assert agency.write(prepared, recordings) == agency.write(prepared, recordings)


def test_summary_is_of_the_written_bytes(agency):
    recording = agency.receive(b"one")
    package, summary = agency.write(agency.prepare([recording]), [recording])
    assert (summary.sha256, summary.size) == (sha256_hex(package), len(package))
    assert summary.files == len(read_members(package))


def test_hostile_ending_of_a_name_is_not_kept(agency):
    recording = agency.receive(b"one")
    agency.originals[recording] = ("x.mp4\u202e../../a", b"one")
    assert any(name.startswith("data/") and "." not in name for name in read_members(agency.export([recording])))


def test_package_with_zip64_sizes_and_offsets_is_proved(tmp_path, agency, monkeypatch):
    recording = agency.receive(bytes(5000))
    # The library then writes ZIP64 fields as it does beyond 4 GiB, in headers, directory and end records.
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1000)
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 3)
    package = agency.export([recording])
    assert b"PK\x06\x06" in package
    (tmp_path / "p.zip").write_bytes(package)
    assert verify_package(tmp_path / "p.zip", TrustPolicy((Policy.from_vkey(agency.vkey),))).exit_code == 0


def test_missing_proof_stops_the_writing(agency):
    recording = agency.receive(b"one")
    prepared = agency.prepare([recording])
    entries = gather_entries(agency.ledger, prepared)
    with pytest.raises(PackagingError, match="no proof"):
        write_package(
            io.BytesIO(),
            top="x",
            originals=[agency.original(recording)],
            entries=entries,
            ledger_proofs=gather_proofs(agency.ledger, entries[1:]),
            prepared_index=prepared.index,
            vkey=agency.vkey,
        )


def test_large_original_is_streamed_and_proved_with_flat_memory(tmp_path, agency):
    piece, pieces = bytes(1 << 20), 48
    data = piece * pieces
    recording = agency.receive(data)
    prepared = agency.prepare([recording])
    digest = sha256_hex(data)
    del data
    agency.originals.clear()
    entries = gather_entries(agency.ledger, prepared)
    path = tmp_path / "package.zip"
    original = Original(recording, "a.mp4", pieces << 20, digest, lambda: iter([piece] * pieces))
    tracemalloc.start()
    with path.open("x+b") as out:
        write_package(
            out,
            top="x",
            originals=[original],
            entries=entries,
            ledger_proofs=gather_proofs(agency.ledger, entries),
            prepared_index=prepared.index,
            vkey=agency.vkey,
        )
    report = verify_package(path, TrustPolicy((Policy.from_vkey(agency.vkey),)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert report.exit_code == 0
    assert peak < 24 << 20
