"""Whether somebody may take out what a package holds: asked when it is made, and again when it is downloaded.

Between asking and taking, a recording may be restricted, a case file may grow, and a person may move to another unit.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ingest_server.accounts.queries import get_account
from ingest_server.accounts.viewers import Viewer, limit_to_reach
from ingest_server.errors import ForbiddenError
from ingest_server.permissions import Permission

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest_server.installation import Installation


def require_export_reach(installation: Installation, viewer: Viewer, subjects: Sequence[str]) -> None:
    """Let through only who may take out every recording among these subjects.

    Raises:
        ForbiddenError: ``export_out_of_reach``.
    """
    condition, values = limit_to_reach(viewer)
    beyond = installation.catalogue.fetch_one(
        "select 1 from json_each(?) i cross join recordings r on r.evidence_id = i.value"  # noqa: S608 - fixed conditions
        f" where not coalesce(({condition}), 0)",
        json.dumps(list(subjects)),
        *values,
    )
    if beyond is not None:
        raise ForbiddenError("export_out_of_reach", account_id=viewer.account_id)


def require_still_allowed(installation: Installation, account_id: str, subjects: Sequence[str]) -> None:
    """The same for an account that is not at a page just now, as it stands in the register.

    Raises:
        ForbiddenError: ``not_permitted`` where it is disabled or its role exports no more; ``export_out_of_reach``.
    """
    account = get_account(installation.catalogue, account_id)
    if account is None or account["status"] != "active":
        raise ForbiddenError("not_permitted", account_id=account_id)
    viewer = Viewer(account_id, account["name"], account["role"], account["officer"], account["unit"], "", "")
    if not viewer.may(Permission.EXPORT_CREATE):
        raise ForbiddenError("not_permitted", account_id=account_id)
    require_export_reach(installation, viewer, subjects)


def list_packaged(installation: Installation, export_id: str) -> list[str]:
    """The subjects whose histories a package holds, its recordings among them, as its event names them."""
    for entry in installation.ledger.subject_entries(export_id):
        prepared = entry.record.value("prepared") if entry.record and entry.leaf.type == "export.prepared" else None
        if isinstance(prepared, dict) and isinstance(prepared["heads"], list):
            return [str(head["subject"]) for head in prepared["heads"] if isinstance(head, dict)]
    return []
