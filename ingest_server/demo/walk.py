"""The walk of the demonstration: from a docked recorder to a package that a stranger verifies."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from chain_of_custody.durable import write_file
from ingest_server.demo.minio_program import MinioPlace, start_minio
from ingest_server.demo.people import ACCOUNTS, make_people, tell_people
from ingest_server.demo.programs import ProgramFailedError, RunningProgram, find_port, program_path, run_program
from ingest_server.demo.recorders import build_volumes, copy_footage

if TYPE_CHECKING:
    from collections.abc import Iterable

CASE_NUMBER = "DEMO-2026-0001"
CASE_TITLE = "Street vending inspection · 占道经营检查"
CASE_STAGE = "investigation"
REASON = "demonstration"
PREFERRED_PORT = 8400


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the person asked for: the data folder, own footage, the store, the port, and whether to stay up."""

    data: Path
    footage: Path | None
    store: str
    port: int
    once: bool


@dataclass(slots=True)
class Tally:
    """What all dockings together came to."""

    files: int = 0
    bytes: int = 0
    sealed: int = 0
    already_sealed: int = 0
    failed: int = 0
    evidence_ids: list[str] = field(default_factory=list)

    def add(self, lines: Iterable[dict[str, Any]]) -> None:
        """Add one docking's JSON lines."""
        for line in lines:
            summary = line.get("summary")
            if summary:
                self.files += summary["found"]
                self.bytes += summary["bytes"]
                self.sealed += summary["sealed"]
                self.already_sealed += summary["already_sealed"]
                self.failed += summary["failed"] + summary["waiting"]
            elif line.get("state") == "sealed" and line["evidence_id"] not in self.evidence_ids:
                self.evidence_ids.append(line["evidence_id"])


def run_demo(options: DemoOptions) -> int:
    """Walk the whole path once, print what happened, and stay up unless asked not to.

    Everything made stays in the data folder; a later run goes on with what is there.

    Returns:
        0 only if everything found is sealed and the package verifies.
    """
    console = Console(stderr=True)
    started = time.monotonic()
    options.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    if (options.data / "server").exists():
        console.print(f"Going on with what is in [bold]{options.data}[/] · 沿用已有数据")
    with ExitStack() as stack:
        place = _start_store(options, stack, console)
        server, url = _start_server(options, place, stack, console)
        links = make_people(partial(_server, options))
        _enrol_dock(options, url, console)
        volumes = _build_recorders(options, console)
        tally = _dock_recorders(options, volumes, console)
        _attach_recordings(options, tally, console)
        package = _export_case(options, tally, console)
        vkey = _server(options, "ledger-key").last_line
        verify_exit = _verify_package(package, vkey, console)
        is_good = verify_exit == 0 and tally.failed == 0 and tally.sealed + tally.already_sealed == tally.files > 0
        tell_people(links, console)
        if options.once:
            _print_result(options, volumes, tally, package, vkey, verify_exit, time.monotonic() - started)
            return 0 if is_good else 1
        _tell_next_steps(options, url, tally, package, vkey, console)
        server.wait()
        return 0 if is_good else 1


def _server(options: DemoOptions, *arguments: str, accept: tuple[int, ...] = (0,)) -> Any:
    """Run one ``ingest-server`` command on the demonstration's data folder."""
    return run_program(
        "ingest-server", *arguments, "--data", str(options.data / "server"), accept=accept, env=_store_keys(options)
    )


def _store_keys(options: DemoOptions) -> dict[str, str]:
    """Give the store credentials of this data folder, which only programs of the demonstration see."""
    settings = options.data / "minio" / "settings.json"
    if options.store != "minio" or not settings.exists():
        return {}
    loaded = json.loads(settings.read_text(encoding="utf-8"))
    return {"MINIO_ACCESS_KEY": loaded["user"], "MINIO_SECRET_KEY": loaded["password"]}


def _start_store(options: DemoOptions, stack: ExitStack, console: Console) -> MinioPlace | None:
    """Start MinIO where it was asked for; the directory store needs nothing started."""
    if options.store != "minio":
        return None
    place = start_minio(options.data / "minio")
    stack.callback(place.program.stop)
    console.print(f"MinIO is up at {place.endpoint} (TLS)")
    return place


def _start_server(
    options: DemoOptions, place: MinioPlace | None, stack: ExitStack, console: Console
) -> tuple[RunningProgram, str]:
    """Set the server up where it is not yet, and start it on the port it had before."""
    init = ["init"]
    if place is not None:
        init += [
            "--store",
            "s3",
            "--s3-endpoint",
            place.endpoint,
            "--s3-bucket",
            "evidence",
            "--s3-ca",
            str(place.ca_file),
        ]
    port = _choose_port(options)
    _server(options, *init, "--origin", "localhost/demo", "--public-url", f"http://127.0.0.1:{port}")
    command = [program_path("ingest-server"), "serve", "--data", str(options.data / "server"), "--port", str(port)]
    server = RunningProgram(command, log=options.data / "server.log", env=_store_keys(options))
    stack.callback(server.stop)
    line = server.wait_first_line()
    console.print(f"Server: {line}")
    return server, f"http://127.0.0.1:{port}"


def _choose_port(options: DemoOptions) -> int:
    """Return the port of the earlier run, or a free one, and keep it: the dock has pinned the address."""
    path = options.data / "port"
    if path.exists():
        port = int(path.read_text(encoding="ascii"))
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                raise ProgramFailedError(
                    f"port {port} is in use: is this demonstration already running in {options.data}?"
                )
        return port
    port = find_port(options.port or (0 if options.once else PREFERRED_PORT))
    write_file(path, str(port).encode())
    return port


def _enrol_dock(options: DemoOptions, url: str, console: Console) -> None:
    """Enrol the dock once: a code from the server, proofs both ways, keys pinned."""
    home = options.data / "dock"
    if (home / "config.toml").exists():
        return
    code = _server(options, "dock", "add", "front-desk").last_line
    run_program("dock-agent", "enrol", "--server", url, "--code", code, "--home", str(home))
    console.print("Dock [bold]front-desk[/] is enrolled; keys are pinned on both sides · 采集站已登记")


def _build_recorders(options: DemoOptions, console: Console) -> list[Path]:
    """Give the recorder volumes: the person's own files, or footage made on the spot."""
    if options.footage is None:
        return build_volumes(options.data / "recorders", datetime.now().astimezone(), console)
    volumes = copy_footage(options.data / "recorders", options.footage, console)
    if not volumes:
        raise ProgramFailedError(f"no files in {options.footage}")
    return volumes


def _dock_recorders(options: DemoOptions, volumes: list[Path], console: Console) -> Tally:
    """Dock each recorder and gather what became of every file."""
    tally = Tally()
    for volume in volumes:
        console.rule(f"recorder {volume.name} · 执法记录仪 {volume.name}", align="left")
        finished = run_program(
            "dock-agent", "acquire", str(volume), "--home", str(options.data / "dock"), "--json", accept=(0, 1)
        )
        tally.add(finished.json_lines())
    console.print(
        f"{tally.files} files: {tally.sealed} sealed now, {tally.already_sealed} sealed before,"
        f" {tally.failed} not sealed · 已固证 {tally.sealed + tally.already_sealed}"
    )
    return tally


def _attach_recordings(options: DemoOptions, tally: Tally, console: Console) -> None:
    """Open the case file once and attach every sealed recording to a procedural stage."""
    _server(options, "casefile", "add", CASE_NUMBER, "--title", CASE_TITLE)
    if tally.evidence_ids:
        _server(
            options, "casefile", "attach", CASE_NUMBER, *tally.evidence_ids, "--stage", CASE_STAGE, "--reason", REASON
        )
    console.print(f"Case file {CASE_NUMBER}: {len(tally.evidence_ids)} recordings attached · 已关联案卷")


def _export_case(options: DemoOptions, tally: Tally, console: Console) -> Path:
    """Export the case file; where nothing new was sealed since the last package, that one stands."""
    folder = options.data / "packages"
    folder.mkdir(exist_ok=True)
    earlier = sorted(folder.glob(f"{CASE_NUMBER}-*.zip"))
    if earlier and not tally.sealed:
        console.print(f"Nothing new since {earlier[-1].name}; it is verified again · 无新增内容")
        return earlier[-1]
    package = folder / f"{CASE_NUMBER}-{len(earlier) + 1:03d}.zip"
    _server(options, "export", CASE_NUMBER, "--out", str(package), "--reason", REASON)
    console.print(f"Package: {package} ({package.stat().st_size / 1e6:.1f} MB) · 证据包")
    return package


def _verify_package(package: Path, vkey: str, console: Console) -> int:
    """Verify the package as a stranger would: offline, under the key given from outside."""
    console.rule("custody verify", align="left")
    finished = run_program("custody", "verify", str(package), "--vkey", vkey, accept=(0, 1, 2))
    sys.stderr.write(finished.output)
    return int(finished.exit_code)


def _print_result(
    options: DemoOptions, volumes: list[Path], tally: Tally, package: Path, vkey: str, verify_exit: int, seconds: float
) -> None:
    """Print the one JSON line that programs read."""
    result = {
        "recorders": len(volumes),
        "files": tally.files,
        "bytes": tally.bytes,
        "sealed": tally.sealed,
        "already_sealed": tally.already_sealed,
        "failed": tally.failed,
        "accounts": [account.name for account in ACCOUNTS],
        "case_file": CASE_NUMBER,
        "package": str(package),
        "vkey": vkey,
        "verify_exit": verify_exit,
        "data": str(options.data),
        "seconds": round(seconds, 3),
    }
    sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")


def _tell_next_steps(options: DemoOptions, url: str, tally: Tally, package: Path, vkey: str, console: Console) -> None:
    """Say what there is now and what a person can try next."""
    server_data = options.data / "server"
    programs = Path(os.path.relpath(Path(sys.executable).parent))
    first = tally.evidence_ids[0] if tally.evidence_ids else "EVIDENCE_ID"
    console.rule("ready · 就绪", align="left")
    names = ", ".join(account.name for account in ACCOUNTS)
    console.print(f"Open {url} in a browser and sign in as {names} · 请在浏览器中打开", soft_wrap=True, highlight=False)
    console.print("Try next · 可以继续:", highlight=False)
    for command in (
        f"{programs}/ingest-server user link {ACCOUNTS[0].name} --data {server_data}",
        f"{programs}/custody verify {package} --vkey '{vkey}'",
        f"{programs}/ingest-server history {first} --data {server_data}",
        f"{programs}/ingest-server search --case {CASE_NUMBER} --data {server_data}",
        f"{programs}/ingest-server fixity --data {server_data}",
        f"{programs}/custody fsck {server_data} --vkey '{vkey}'",
    ):
        console.print(f"  {command}", soft_wrap=True, highlight=False, markup=False)
    console.print(f"The server stays up at {url} until Ctrl-C; all of it is in {options.data}.", soft_wrap=True)
