"""Documentation that fails when it lies: commands, options, make targets, links and forbidden claims."""

import re
import subprocess
from pathlib import Path

import click
import pytest

from agent.cli import main as dock_agent
from chain_of_custody.cli import main as custody
from ingest_server.app import describe_api
from ingest_server.cli import main as ingest_server

ROOT = Path(__file__).resolve().parents[2]
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TEXT = "\n".join(path.read_text(encoding="utf-8") for path in DOCS)
PROGRAMS = {"dock-agent": dock_agent, "ingest-server": ingest_server, "custody": custody}


def _walk_commands(prefix: str, command: click.Command) -> list[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        return [
            found
            for name, inner in sorted(command.commands.items())
            for found in _walk_commands(f"{prefix} {name}", inner)
        ]
    return [(prefix, command)]


COMMANDS = [found for name, program in PROGRAMS.items() for found in _walk_commands(name, program)]


@pytest.mark.parametrize("name", [name for name, _ in COMMANDS])
def test_every_command_is_in_the_docs(name: str) -> None:
    assert name in TEXT, f"{name} stands in no document"


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_every_command_explains_itself(name: str, command: click.Command) -> None:
    assert command.help, f"{name} has no help text"
    unexplained = [p.name for p in command.params if isinstance(p, click.Option) and not p.help]
    assert not unexplained, f"{name}: options without help: {unexplained}"


def test_every_documented_command_exists() -> None:
    known = {name for name, _ in COMMANDS} | {name.rsplit(" ", 1)[0] for name, _ in COMMANDS}
    # Commands stand in code: at the start of a line of a block, or right behind a back-tick.
    for words in re.findall(r"(?:^|`)((?:dock-agent|ingest-server|custody) [a-z][a-z-]*)", TEXT, re.MULTILINE):
        assert words in known, f"documents name {words!r}, which does not exist"


def test_every_documented_option_exists() -> None:
    known = {option for _, command in COMMANDS for param in command.params for option in param.opts}
    for line in re.findall(r"^(?:\$ )?(?:dock-agent|ingest-server|custody) .*$", TEXT, re.MULTILINE):
        for option in re.findall(r"(?<=\s)--[a-z0-9-]+", line):
            assert option in known, f"{option} in {line!r} is no option of any command"


def test_every_route_is_in_the_docs() -> None:
    for path in describe_api()["paths"]:
        assert path in TEXT, f"{path} stands in no document"


def test_every_make_target_named_in_the_docs_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for target in re.findall(r"(?:^|`)(?:EVIDOCK_DEMO=once )?make ([a-z-]+)", TEXT, re.MULTILINE):
        assert target in targets, f"make {target} does not exist"


@pytest.mark.parametrize("path", DOCS, ids=[str(path.relative_to(ROOT)) for path in DOCS])
def test_every_link_leads_somewhere(path: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
        if not re.match(r"[a-z]+:", link):
            assert (path.parent / link).exists(), f"{link} in {path.name} leads nowhere"


def test_nothing_claims_what_was_never_assessed() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    claims = [re.compile("comply with " + "GA/T"), re.compile("等保" + "三级")]
    for name in tracked:
        if name.endswith((".py", ".md", ".html", ".toml")):
            text = (ROOT / name).read_text(encoding="utf-8")
            assert not any(claim.search(text) for claim in claims), f"{name} claims an assessment"
