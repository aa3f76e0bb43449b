"""The sandbox bites: programs in it that turn on the machine, on the worker or on the clock."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import textwrap
import time
from typing import TYPE_CHECKING, Any

import pytest

from ingest_server.media.confinement import Limits, make_filter
from ingest_server.media.sandbox import MAX_PIECE, Outcome, StoppedError, run_sandboxed
from ingest_server.media.wire import pack_message

if TYPE_CHECKING:
    from pathlib import Path

needs_filter = pytest.mark.skipif(
    make_filter(platform.machine(), 1) is None, reason=f"no system call filter was written for {platform.machine()}"
)
CONTENT = b"the original"
BEGIN = """
import ctypes, json, os, signal, socket, sys, threading, time
from ingest_server.media.asking import Parent, read_exactly, send
from ingest_server.media.confinement import Limits, confine, limit_resources
from ingest_server.media.wire import read_message
holds = limit_resources(Limits(**json.loads(sys.argv[1]))) + confine()
request = read_message(read_exactly)
def tried(act):
    try:
        return str(act())
    except BaseException as error:
        return type(error).__name__
def report(**found):
    send({"tell": "report", "holds": list(holds), "report": found})
    os._exit(0)
"""


def run(code: str, limits: Limits | None = None, **more: Any) -> Outcome:
    """Run a program in place of the decoders, confined as they are."""
    program = ("-c", BEGIN + textwrap.dedent(code))
    request = {"task": "none", "size": len(CONTENT), "path": "a.mp4", **more}
    return run_sandboxed(
        request,
        lambda offset, length: CONTENT[offset : offset + length],
        limits or Limits(cpu_s=20, wall_s=30),
        program=program,
    )


def test_a_program_that_behaves_reads_the_original_and_reports() -> None:
    outcome = run("report(data=Parent(request['size']).read_at(4, 8).decode())")
    assert (outcome.ending, outcome.report) == ("done", {"data": "original"})
    assert "limits" in outcome.holds


@needs_filter
@pytest.mark.parametrize(
    "act",
    [
        "socket.socket()",
        "socket.socket(socket.AF_UNIX)",
        "socket.socketpair()",
        "os.fork()",
        "os.execv('/bin/true', ['true'])",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "open('/etc/passwd')",
        "os.open('/proc/self/environ', os.O_RDONLY)",
        "open('/tmp/evidock-hostile', 'w')",
        "os.unlink(request['victim'])",
        "os.rename(request['victim'], request['victim'] + 'x')",
        "os.truncate(request['victim'], 0)",
        "os.chmod(request['victim'], 0)",
        "os.mkdir('/tmp/evidock-hostile')",
        "os.symlink('/etc', '/tmp/evidock-hostile')",
        "os.kill(os.getppid(), signal.SIGKILL)",
        "os.kill(os.getpid(), signal.SIGTERM)",
        "os.memfd_create('x')",
        "os.pidfd_open(os.getppid())",
    ],
)
def test_the_machine_is_out_of_reach(tmp_path: Path, act: str) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(CONTENT)
    outcome = run(f"report(tried=tried(lambda: {act}))", victim=str(victim))
    assert outcome.report == {"tried": "PermissionError"}, outcome
    assert victim.read_bytes() == CONTENT


@needs_filter
@pytest.mark.parametrize(
    ("name", "numbers", "arguments"),
    [
        ("ptrace", {"x86_64": 101, "aarch64": 117}, "16, os.getppid(), 0, 0"),
        ("process_vm_readv", {"x86_64": 310, "aarch64": 270}, "os.getppid(), 0, 0, 0, 0, 0"),
        ("io_uring_setup", {"x86_64": 425, "aarch64": 425}, "1, 0"),
        ("bpf", {"x86_64": 321, "aarch64": 280}, "0, 0, 0"),
        ("clone", {"x86_64": 56, "aarch64": 220}, "17, 0, 0, 0, 0"),
        ("openat2", {"x86_64": 437, "aarch64": 437}, "-100, b'/etc/passwd', 0, 0"),
        ("tgkill", {"x86_64": 234, "aarch64": 131}, "os.getppid(), os.getppid(), 9"),
    ],
)
def test_a_system_call_by_its_number_is_refused(name: str, numbers: dict[str, int], arguments: str) -> None:
    code = f"""
    libc = ctypes.CDLL(None, use_errno=True)
    answer = libc.syscall({numbers[platform.machine()]}, {arguments})
    report(answer=answer, errno=ctypes.get_errno())
    """
    assert run(code).report == {"answer": -1, "errno": 1}, name


@needs_filter
def test_what_decoders_need_is_allowed() -> None:
    code = """
    done = []
    thread = threading.Thread(target=lambda: done.append(bytearray(50 << 20)[0])); thread.start(); thread.join()
    report(done=done)
    """
    assert run(code).report == {"done": [0]}


def test_nothing_of_the_worker_is_inherited() -> None:
    code = """
    open_now = []
    for fd in range(64):
        try:
            os.fstat(fd); open_now.append(fd)
        except OSError:
            pass
    report(open=open_now, names=sorted(os.environ), folder=os.getcwd(), user=os.geteuid())
    """
    with open(os.devnull, "rb") as held:  # noqa: PTH123 - a descriptor of the worker's own
        os.set_inheritable(held.fileno(), True)
        os.environ["MINIO_SECRET_KEY"] = "secret"
        try:
            report = run(code).report
        finally:
            del os.environ["MINIO_SECRET_KEY"]
    assert report["open"] == [0, 1, 2]
    assert not any("MINIO" in name or "SECRET" in name for name in report["names"])
    assert report["folder"] == "/"
    assert report["user"] != 0


def test_memory_is_bounded() -> None:
    outcome = run("report(tried=tried(lambda: len(bytearray(1 << 30))))", Limits(memory=512 << 20, cpu_s=20, wall_s=30))
    assert outcome.report == {"tried": "MemoryError"}


def test_processor_time_is_bounded() -> None:
    assert run("while True: pass", Limits(cpu_s=1, wall_s=60)).ending == "cpu"


def test_the_wall_clock_is_bounded() -> None:
    started = time.monotonic()
    assert run("time.sleep(600)", Limits(cpu_s=20, wall_s=1.5)).ending == "timeout"
    assert time.monotonic() - started < 10


def test_output_is_bounded() -> None:
    code = """
    written = 0
    try:
        while written < 10 << 20:
            written += os.write(2, bytes(8192))
    except OSError:
        pass
    report(written=written)
    """
    assert run(code).report["written"] <= 64 << 10


@pytest.mark.parametrize(
    ("code", "name"),
    [("ctypes.string_at(0)", "SIGSEGV"), ("os.abort()", "SIGABRT"), ("ctypes.string_at(8)", "SIGSEGV")],
)
def test_a_crash_is_an_outcome_and_nothing_else(code: str, name: str) -> None:
    outcome = run(code)
    assert (outcome.ending, outcome.detail, outcome.pieces, outcome.report) == ("crashed", name, (), {})


@pytest.mark.parametrize(
    "code",
    [
        "os._exit(0)",
        "raise SystemExit(7)",
        "os.write(0, b'\\xff\\xff\\xff\\xff')",
        "os.write(0, b'\\0\\0\\0\\2[]'); time.sleep(60)",
        "send({'tell': 'nonsense'}); time.sleep(60)",
        "send({'tell': 'read', 'offset': 0, 'length': 1 << 40}); time.sleep(60)",
        "send({'tell': 'read', 'offset': 1 << 40, 'length': 1}); time.sleep(60)",
        "send({'tell': 'read', 'offset': -1, 'length': 1}); time.sleep(60)",
        "send({'tell': 'report', 'report': []}); time.sleep(60)",
        "send({'tell': 'piece', 'kind': 'poster', 'place': 0, 'size': 4}, b'GIF8'); time.sleep(60)",
        "send({'tell': 'piece', 'kind': '../x', 'place': 0, 'size': 0}); time.sleep(60)",
        f"send({{'tell': 'piece', 'kind': 'poster', 'place': 0, 'size': {MAX_PIECE + 1}}}); time.sleep(60)",
    ],
)
def test_what_no_program_of_ours_sends_ends_the_run(code: str) -> None:
    started = time.monotonic()
    outcome = run(code)
    assert (outcome.ending, outcome.pieces, outcome.report) == ("broken", (), {})
    assert time.monotonic() - started < 20


def test_a_flood_ends_with_the_time() -> None:
    outcome = run("while True: send({'tell': 'progress', 'done': 1})", Limits(cpu_s=20, wall_s=2))
    assert outcome.ending == "timeout"


def test_pieces_of_a_run_that_crashes_later_are_not_kept() -> None:
    from tests.ingest_server.media.test_jpeg import REAL

    code = f"""
    data = bytes.fromhex("{REAL.hex()}")
    send({{"tell": "piece", "kind": "poster", "place": 0, "at_ms": 0, "size": len(data)}}, data)
    ctypes.string_at(0)
    """
    assert run(code).pieces == ()


def test_a_run_that_is_stopped_raises_and_leaves_no_process() -> None:
    program = ("-c", BEGIN + "time.sleep(600)")
    asked: list[int] = []
    before = list_children()

    def is_stopped() -> bool:
        asked.append(1)
        return len(asked) > 3

    with pytest.raises(StoppedError):
        run_sandboxed({"size": 0}, lambda *_: b"", Limits(), is_stopped=is_stopped, program=program)
    assert list_children() == before


def test_an_error_of_the_store_is_raised_and_leaves_no_process() -> None:
    def fail(_offset: int, _length: int) -> bytes:
        raise OSError("the store does not answer")

    program = ("-c", BEGIN + "Parent(5).read_at(0, 5); time.sleep(600)")
    before = list_children()
    with pytest.raises(OSError, match="store"):
        run_sandboxed({"size": 5}, fail, Limits(), program=program)
    assert list_children() == before


def test_the_program_ends_when_the_worker_is_killed(tmp_path: Path) -> None:
    code = f"""
    from ingest_server.media.sandbox import run_sandboxed, Limits
    program = ("-c", {BEGIN!r} + "send({{'tell': 'progress', 'done': os.getpid()}}); time.sleep(600)")
    run_sandboxed({{"size": 1 << 40}}, None, Limits(), program=program, on_progress=lambda pid: print(pid, flush=True))
    """
    worker = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    inside = int(worker.stdout.readline())
    worker.kill()
    worker.wait()
    worker.stdout.close()
    deadline = time.monotonic() + 10
    while lives(inside) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not lives(inside)


def lives(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def list_children() -> list[str]:
    with open(f"/proc/{os.getpid()}/task/{os.getpid()}/children") as file:  # noqa: PTH123
        return [pid for pid in file.read().split() if lives(int(pid))]


def test_the_filter_is_there_for_both_architectures() -> None:
    assert make_filter("sparc", 1) is None
    for machine in ("x86_64", "aarch64"):
        program = make_filter(machine, 1)
        assert program is not None
        assert len(program) % 8 == 0
        # The kernel takes at most 4096 instructions.
        assert len(program) // 8 < 4096


def test_server_and_agent_load_no_decoder() -> None:
    code = (
        "import sys, ingest_server.app, ingest_server.serving, ingest_server.jobs.working, agent.cli, agent.daemon\n"
        "import ingest_server.cli\n"
        "print(sorted({'av', 'cv2'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_messages_have_no_floats_that_are_no_numbers() -> None:
    with pytest.raises(ValueError, match="JSON"):
        pack_message({"value": float("nan")})
