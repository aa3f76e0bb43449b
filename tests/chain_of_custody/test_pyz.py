"""The single-file verifier, run as a stranger runs it."""

import ast
import json
import subprocess
import sys
import zipfile

import pytest

from chain_of_custody.pyz import build_verifier, collect_modules
from tests.support.custody_packages import Installation, read_members


@pytest.fixture
def files(tmp_path):
    agency = Installation(tmp_path / "data")
    agency.enrol()
    recording = agency.receive(b"one")
    package = agency.export([recording])
    (tmp_path / "package.zip").write_bytes(package)
    (tmp_path / "verify.pyz").write_bytes(read_members(package)["verify.pyz"])
    return tmp_path, agency.vkey


def run(folder, *arguments, flags=("-I",)):
    command = [sys.executable, *flags, "verify.pyz", *arguments]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, encoding="utf-8", timeout=60, check=False
    )


def test_single_file_verifier_proves_the_package_that_carries_it(files):
    folder, vkey = files
    done = run(folder, "package.zip", "--vkey", vkey, "--lang", "en")
    assert (done.returncode, done.stderr) == (0, "")
    assert "NOT PROVED" in done.stdout


def test_single_file_verifier_says_consistent_without_a_key(files):
    folder, _ = files
    done = run(folder, "package.zip", "--json")
    assert (done.returncode, json.loads(done.stdout)["consistent"]) == (2, True)


def test_single_file_verifier_names_what_is_false(files):
    folder, vkey = files
    data = bytearray((folder / "package.zip").read_bytes())
    data[data.index(b"one")] ^= 1
    (folder / "package.zip").write_bytes(data)
    done = run(folder, "package.zip", "--vkey", vkey, "--lang", "zh")
    assert done.returncode == 1
    assert "不实" in done.stdout


def test_single_file_verifier_without_cryptography_says_so_in_one_line(files):
    folder, vkey = files
    done = run(folder, "package.zip", "--vkey", vkey, flags=("-I", "-S"))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "cryptography" in done.stderr


def test_wrong_key_text_is_wrong_usage(files):
    folder, _ = files
    assert run(folder, "package.zip", "--vkey", "nonsense").returncode == 2


def test_single_file_verifier_imports_only_what_it_carries_and_cryptography(tmp_path):
    (tmp_path / "v.pyz").write_bytes(build_verifier())
    known = {*sys.stdlib_module_names, "chain_of_custody", "rfc8785", "cryptography"}
    with zipfile.ZipFile(tmp_path / "v.pyz") as archive:
        for name in archive.namelist():
            if not name.endswith(".py"):
                continue
            for node in ast.walk(ast.parse(archive.read(name))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom) and not node.level:
                    names = [node.module or ""]
                assert {found.split(".")[0] for found in names} <= known, (name, names)


def test_single_file_verifier_carries_neither_ledger_nor_command_line():
    assert not {"ledger", "cli", "packaging", "fsck"} & set(collect_modules())


def test_same_program_is_built_as_the_same_bytes():
    first = build_verifier()
    build_verifier.cache_clear()
    assert build_verifier() == first
