"""What a package will contain, told before it is made, and what will not be in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest_server.accounts.viewers import limit_to_reach

if TYPE_CHECKING:
    from ingest_server.accounts.viewers import Viewer
    from ingest_server.installation import Installation


@dataclass(frozen=True, slots=True)
class PackagePreview:
    """What a package of a case file would be now.

    Attributes:
        recordings: How many originals.
        bytes: Their size in all.
        events: Events in the histories of the recordings and of the case file.
        docks: How many docks signed the manifests.
        documents: Text records of the case file; their files are not in a package of version 1.
        findings: Findings on these recordings, none of them hidden by the package.
        out_of_reach: Recordings that the viewer may not take out.
    """

    recordings: int
    bytes: int
    events: int
    docks: int
    documents: int
    findings: int
    out_of_reach: int


def preview_package(installation: Installation, viewer: Viewer, casefile_id: str) -> PackagePreview:
    """Count what a package would hold; nothing is recorded and nothing is read from the store."""
    condition, values = limit_to_reach(viewer)
    chosen = "select distinct evidence_id from attachments where casefile_id = ?"
    row = installation.catalogue.fetch_one(
        "select count(*) as recordings, coalesce(sum(r.size), 0) as bytes, count(distinct r.dock_id) as docks,"  # noqa: S608 - fixed conditions
        f" coalesce(sum(not coalesce(({condition}), 0)), 0) as out_of_reach,"
        f" (select count(*) from events e where e.subject = ? or e.subject in ({chosen})) as events,"
        f" (select count(*) from findings f where f.severity != 'info' and f.subject in ({chosen})) as findings,"
        " (select count(*) from documents d where d.casefile_id = ? and d.removed_at is null) as documents"
        f" from recordings r where r.evidence_id in ({chosen})",
        *values,
        casefile_id,
        casefile_id,
        casefile_id,
        casefile_id,
        casefile_id,
    )
    assert row is not None
    return PackagePreview(**dict(row))
