"""Policy values: defaults from a data file, changes from events."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING
from zoneinfo import available_timezones

from chain_of_custody.identities import policy_subject
from ingest_server.checking import check_text
from ingest_server.custody.recording import Event
from ingest_server.errors import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest_server.custody.actors import Actor
    from ingest_server.installation import Installation


# The first never exceeds the second: a canary rarer than it counts would stop receiving between two runs, and the lock
# under which an upload is made cannot be taken back should its bytes not match.
_PAIRS = (("canary.every_hours", "canary.max_age_hours"), ("lock.short_days", "lock.floor_days"))


@dataclass(frozen=True, slots=True)
class PolicyDefault:
    """One value of a new installation.

    Attributes:
        value: As text.
        kind: ``count``, ``choice``, ``time_zone`` or ``labels``.
        choices: For ``choice``.
        source: The law, rule or document it comes from.
        note: What it does.
    """

    value: str
    kind: str
    choices: tuple[str, ...]
    source: str
    note: str


@cache
def load_defaults() -> Mapping[str, PolicyDefault]:
    """The values of a new installation, by key."""
    text = resources.files("ingest_server.policy").joinpath("defaults.toml").read_text(encoding="utf-8")
    return {
        key: PolicyDefault(item["value"], item["kind"], tuple(item.get("choices", ())), item["source"], item["note"])
        for key, item in tomllib.loads(text)["values"].items()
    }


def read_policy(installation: Installation) -> dict[str, str]:
    """The values in force."""
    changed = {row["key"]: row["value"] for row in installation.catalogue.fetch("select key, value from policy_values")}
    return {key: changed.get(key, default.value) for key, default in load_defaults().items()}


def read_count(installation: Installation, key: str) -> int:
    """A value in force that is a count."""
    return int(read_policy(installation)[key])


def change_policy(installation: Installation, actor: Actor, key: str, value: str, reason: str) -> bool:
    """Change one value; an event. Says whether anything changed.

    Raises:
        BadRequestError: No such key, or not a value it can have; or the reason is empty, too long or holds control
            characters.
    """
    reason = check_text(reason, "the reason")
    default = load_defaults().get(key)
    if default is None:
        raise BadRequestError("wrong_usage", f"there is no policy value {key}; see: policy show")
    if default.kind == "count" and not (value.isascii() and value.isdigit() and 0 < int(value) < 100_000):
        raise BadRequestError("wrong_usage", f"{key} is a whole number above 0")
    if default.kind == "choice" and value not in default.choices:
        raise BadRequestError("wrong_usage", f"{key} is one of {', '.join(default.choices)}")
    if default.kind == "time_zone" and value not in available_timezones():
        raise BadRequestError("wrong_usage", f"{key} is a time zone of the tz database, such as Asia/Shanghai")
    if default.kind == "labels":
        value = check_text(value, key, 2000)
    values = read_policy(installation)
    before = values[key]
    if before == value:
        return False
    after = {**values, key: value}
    for smaller, larger in _PAIRS:
        if key in {smaller, larger} and int(after[smaller]) > int(after[larger]):
            raise BadRequestError("wrong_usage", f"{smaller} would be {after[smaller]}, above {larger} {after[larger]}")
    subject = policy_subject(installation.config.origin)
    head = installation.ledger.head(subject)
    change: dict[str, str] = {"key": key, "before": before, "after": value}
    event = Event(
        "policy.changed",
        "policy",
        subject,
        {"change": {**change}, "reason": reason},
        expected_version=head.version if head else 0,
    )
    installation.custody.record(actor, event)
    return True
