"""The demonstration's people: a unit, the officers whose recorders are docked, and one account of each user's role."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest_server.demo.recorders import RECORDERS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rich.console import Console

    from ingest_server.demo.programs import Finished

UNIT, UNIT_NAME = "DEMO-01", "Market inspection brigade · 市场监管执法大队"
OFFICER_NAMES = ("Li Wei · 李伟", "Zhang Min · 张敏", "Chen Jie · 陈杰")


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """One account: its name, role as the program and as people call it, and what it is made with."""

    name: str
    role: str
    title: str
    options: tuple[str, ...]


ACCOUNTS = (
    DemoAccount("li-wei", "officer", "officer · 执法人员", ("--officer", RECORDERS[0].officer)),
    DemoAccount("evidence", "evidence_administrator", "evidence administrator · 证据管理员", ()),
    DemoAccount("head", "supervisor", "supervisor · 负责人", ("--unit", UNIT)),
)


def make_people(server: Callable[..., Finished]) -> dict[str, str]:
    """Register unit and officers, and make the accounts that are not there yet.

    Args:
        server: Runs one ``ingest-server`` command on the demonstration's data folder.

    Returns:
        One-time links of new accounts by name; they are stored nowhere.
    """
    server("unit", "add", UNIT, "--name", UNIT_NAME)
    for recorder, name in zip(RECORDERS, OFFICER_NAMES, strict=True):
        server("officer", "add", recorder.officer, "--name", name, "--unit", UNIT)
    there = {row["name"] for row in json.loads(server("user", "list", "--json").last_line)}
    return {
        account.name: server("user", "add", account.name, "--role", account.role, *account.options).last_line
        for account in ACCOUNTS
        if account.name not in there
    }


def tell_people(links: Mapping[str, str], console: Console) -> None:
    """Print the links of new accounts, and of earlier ones how to get another."""
    if links:
        console.print(
            "One-time links; each sets a password and signs in · 一次性链接，打开后设置密码:", highlight=False
        )
    for account in ACCOUNTS:
        if account.name in links:
            line = f"  {account.name:<9} {links[account.name]}  ({account.title})"
            console.print(line, soft_wrap=True, highlight=False, markup=False)
    earlier = ", ".join(account.name for account in ACCOUNTS if account.name not in links)
    if earlier:
        line = f"Accounts made before: {earlier}; another link: ingest-server user link NAME · 账号已有，可另取链接"
        console.print(line, soft_wrap=True, highlight=False, markup=False)
