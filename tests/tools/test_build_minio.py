"""The build script says in one line what is missing, and builds nothing that is there."""

from __future__ import annotations

import subprocess
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "tools" / "build_minio.sh"


def run_script(tmp_path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run it with a PATH that holds the system's plain tools and neither Go nor MinIO."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "cat", "mkdir", "mktemp", "mv", "rm", "cut"):
        found = next(path for folder in ("/usr/bin", "/bin") if (path := Path(folder) / name).exists())
        (tools / name).symlink_to(found)
    env = {"PATH": str(tools), "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), **variables}
    return subprocess.run(["/bin/sh", str(SCRIPT)], env=env, capture_output=True, text=True, check=False)


def make_program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_what_is_missing_is_said_in_one_line(tmp_path: Path) -> None:
    done = run_script(tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("missing: minio on PATH, or Go")
    assert len(done.stderr.splitlines()) == 1


def test_a_program_in_the_cache_is_not_built_again(tmp_path: Path) -> None:
    program = make_program(tmp_path / "cache" / "evidock" / "bin" / "minio")
    assert run_script(tmp_path).stdout.strip() == str(program)


def test_another_version_in_the_cache_does_not_count(tmp_path: Path) -> None:
    program = make_program(tmp_path / "cache" / "evidock" / "bin" / "minio")
    program.with_name("minio.version").write_text("v0.0.0-older")
    assert run_script(tmp_path).returncode == 1


def test_a_named_program_is_used_as_it_is(tmp_path: Path) -> None:
    program = make_program(tmp_path / "mine")
    assert run_script(tmp_path, EVIDOCK_MINIO=str(program)).stdout.strip() == str(program)


def test_a_named_program_that_is_none_is_said(tmp_path: Path) -> None:
    done = run_script(tmp_path, EVIDOCK_MINIO=str(tmp_path / "nothing"))
    assert done.returncode == 1
    assert "EVIDOCK_MINIO" in done.stderr


def test_go_builds_the_pinned_version_beside_and_moves_it_into_place(tmp_path: Path) -> None:
    go = tmp_path / "go" / "go"
    make_program(go)
    text = '#!/bin/sh\nif [ "$1" = version ]; then echo "go version go1.24 x"; exit; fi\necho "$2" >"$GOBIN/minio"\n'
    go.write_text(text)
    first = run_script(tmp_path, EVIDOCK_MINIO="", PATH=f"{tmp_path / 'tools'}:{go.parent}")
    built = tmp_path / "cache" / "evidock" / "bin" / "minio"
    assert first.stdout.strip() == str(built)
    assert built.read_text().strip() == "github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c"
    assert sorted(path.name for path in built.parent.iterdir()) == ["minio", "minio.version"]
