"""How near one recording is to a viewer: opened with a reason alone, restricted, or outside their reach."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from ingest_server.accounts.viewers import limit_to_scope
from ingest_server.permissions import Permission

if TYPE_CHECKING:
    from ingest_server.accounts.viewers import Viewer
    from ingest_server.installation import Installation


class Standing(Enum):
    """What stands between a viewer and a recording."""

    OPEN = "a reason is enough"
    RESTRICTED = "within reach, but restricted"
    OUTSIDE = "outside the viewer's reach"
    MISSING = "there is no such recording"


def find_standing(installation: Installation, viewer: Viewer, evidence_id: str) -> Standing:
    """Whether a viewer may open a recording without approval, and if not, what stands in the way."""
    within, values = limit_to_scope(viewer)
    found = installation.catalogue.fetch_one(
        f"select r.is_restricted, ({within}) as is_within from recordings r where r.evidence_id = ?",  # noqa: S608 - fixed conditions
        *values,
        evidence_id,
    )
    if found is None:
        return Standing.MISSING
    if not found["is_within"]:
        return Standing.OUTSIDE
    is_barred = found["is_restricted"] and not viewer.may(Permission.RECORDING_OPEN_RESTRICTED)
    return Standing.RESTRICTED if is_barred else Standing.OPEN
