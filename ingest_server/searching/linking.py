"""Attaching many recordings at once: what it would do is shown first, then it is one act."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chain_of_custody.errors import MalformedError
from chain_of_custody.identities import parse_shown_id
from ingest_server.access.reaching import Standing, find_standing
from ingest_server.cases.commands import check_stage
from ingest_server.cases.queries import find_casefile, list_attachments
from ingest_server.errors import BadRequestError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest_server.accounts.viewers import Viewer
    from ingest_server.installation import Installation

MOST = 200


@dataclass(frozen=True, slots=True)
class LinkPlan:
    """What attaching would do.

    Attributes:
        casefile: The case file's row.
        version: The version of the case file that the plan was made on.
        stage: At which stage.
        attaching: Evidence ids that will be attached.
        attached: Evidence ids that are attached there already.
        refused: What was named and cannot be attached, with the reason: ``bad_id``, ``not_in_reach``, ``restricted``.
    """

    casefile: dict[str, Any]
    version: int
    stage: str
    attaching: tuple[str, ...]
    attached: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]


def plan_link(installation: Installation, viewer: Viewer, number: str, stage: str, named: Sequence[str]) -> LinkPlan:
    """Say what attaching these recordings to a stage of a case file would do; changes nothing.

    Args:
        installation: Where.
        viewer: Who would attach; only recordings within their reach can be.
        number: The case file's number.
        stage: One of the procedural stages.
        named: Evidence ids as somebody chose or typed them.

    Raises:
        BadRequestError: No recording is named, or too many; there is no such stage.
        NotFoundError: There is no such case file.
    """
    if not named or len(named) > MOST:
        raise BadRequestError("nothing_chosen")
    casefile = find_casefile(installation.catalogue, number)
    if casefile is None:
        raise NotFoundError("no_such_casefile", number[:60])
    check_stage(stage)
    head = installation.ledger.head(casefile["casefile_id"])
    rows = list_attachments(installation.catalogue, casefile["casefile_id"])
    there = {row["evidence_id"] for row in rows if row["stage"] == stage}
    sorted_out: dict[str, list[Any]] = {"attaching": [], "attached": [], "refused": []}
    for text in dict.fromkeys(named):
        kind, value = _sort_out(installation, viewer, text, there)
        if value not in sorted_out[kind]:
            sorted_out[kind].append(value)
    return LinkPlan(
        casefile,
        head.version if head else 0,
        stage,
        **{kind: tuple(values) for kind, values in sorted_out.items()},
    )


def list_linked(installation: Installation, casefile_id: str, stage: str, named: Sequence[str]) -> list[str]:
    """Which of these are attached to a stage of a case file now."""
    rows = list_attachments(installation.catalogue, casefile_id)
    there = {row["evidence_id"] for row in rows if row["stage"] == stage}
    return [evidence_id for evidence_id in dict.fromkeys(named) if evidence_id in there]


def _sort_out(installation: Installation, viewer: Viewer, text: str, there: set[str]) -> tuple[str, Any]:
    try:
        evidence_id = parse_shown_id(text)
    except MalformedError:
        return "refused", (text[:40], "bad_id")
    match find_standing(installation, viewer, evidence_id):
        case Standing.OPEN:
            return ("attached" if evidence_id in there else "attaching"), evidence_id
        case Standing.RESTRICTED:
            return "refused", (text, "restricted")
        case Standing.OUTSIDE | Standing.MISSING:
            # Which of the two is not said.
            return "refused", (text, "not_in_reach")
