"""Who looks at a page: an account in a session, with its role and reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest_server.custody.actors import Actor
from ingest_server.permissions import ROLES, SCOPES, Permission, Scope

if TYPE_CHECKING:
    from ingest_server.installation import Installation


@dataclass(frozen=True, slots=True)
class Viewer:
    """An account that is signed in.

    Attributes:
        account_id: Its identity, 32 hex digits.
        name: What people call it; the record shows it as it was.
        role: One of ``permissions.ROLES``.
        officer: The officer number it belongs to, if any.
        unit: The unit it belongs to; None reaches the whole agency where its role reaches a unit.
        session_id: The session, 32 hex digits.
        csrf: What forms of this session must bring back.
    """

    account_id: str
    name: str
    role: str
    officer: str | None
    unit: str | None
    session_id: str
    csrf: str

    @property
    def actor(self) -> Actor:
        """As events name it."""
        return Actor("account", self.name, self.account_id)

    def may(self, permission: Permission | str) -> bool:
        """Whether its role has a permission."""
        return permission in ROLES[self.role]


def limit_to_reach(viewer: Viewer) -> tuple[str, list[object]]:
    """The condition on ``recordings r`` that holds for what a viewer may open without approval.

    Returns:
        SQL with its values; ``0`` where the viewer reaches nothing.
    """
    condition, values = _limit_to_scope(viewer)
    if not viewer.may(Permission.RECORDING_OPEN_RESTRICTED):
        condition = f"({condition}) and r.is_restricted = 0"
    return condition, values


def _limit_to_scope(viewer: Viewer) -> tuple[str, list[object]]:
    match SCOPES[viewer.role]:
        case Scope.NONE:
            return "0", []
        case Scope.OWN:
            return ("r.officer = ?", [viewer.officer]) if viewer.officer else ("0", [])
        case Scope.UNIT if viewer.unit is not None:
            of_unit = "r.unit in (select code from unit_tree where ancestor = ?)"
            officers = "select o.number from officers o join unit_tree t on t.code = o.unit where t.ancestor = ?"
            return f"{of_unit} or r.officer in ({officers})", [viewer.unit, viewer.unit]
        case Scope.UNIT | Scope.ALL:
            return "1", []


def is_in_reach(installation: Installation, viewer: Viewer, evidence_id: str) -> bool:
    """Whether a viewer may open this recording without approval."""
    condition, values = limit_to_reach(viewer)
    found = installation.catalogue.fetch_one(
        f"select 1 from recordings r where r.evidence_id = ? and ({condition})",  # noqa: S608 - fixed conditions
        evidence_id,
        *values,
    )
    return found is not None
