"""``dock-agent run --screen``: the program itself, a real server, a real browser."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.browser import check_access, open_page, photograph
from tests.support.docks import copy_home
from tests.support.local_program import free_port
from tests.support.recorder_volumes import fill_volume
from tests.support.whole_system import BIN

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.support.whole_system import WholeSystem

PICTURES = os.environ.get("EVIDOCK_PICTURES")


def test_a_recorder_put_in_is_sealed_on_the_screen_and_the_program_ends_when_asked(
    running: WholeSystem, browser: Browser, tmp_path: Path
) -> None:
    rack, port = tmp_path / "rack", free_port()
    rack.mkdir()
    home = copy_home(running, tmp_path / "home")
    command = [BIN / "dock-agent", "run", "--home", home, "--watch", rack, "--quiet", "0.3", "--slots", "4"]
    program = subprocess.Popen(
        [*command, "--screen", f"127.0.0.1:{port}"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        assert program.stderr is not None
        while f"http://127.0.0.1:{port}/" not in program.stderr.readline():
            assert program.poll() is None
        with open_page(browser, f"http://127.0.0.1:{port}/", size="dock") as page:
            page.goto("/")
            page.wait_for_selector("#slot-4[data-state=free]")
            fill_volume(rack / "KD40188", {f"DCIM/KD40188_{n:04}.MP4": os.urandom(50_000 + n) for n in range(3)})
            page.wait_for_selector("#slot-1[data-state=sealed]", timeout=60_000)
            page.click("#slot-1")
            page.wait_for_selector(".facts")
            assert "3 个文件全部固证" in page.inner_text("main")
            check_access(page)
            if PICTURES:
                photograph(page, Path(PICTURES), "run-sealed")
            page.goto("/")
            asked_at = time.monotonic()
            program.send_signal(signal.SIGTERM)
            assert program.wait(20) == 0
            assert time.monotonic() - asked_at < 10
            page.wait_for_selector("#stale", state="visible", timeout=30_000)
    finally:
        program.kill()
        program.wait()
        program.stderr.close()
