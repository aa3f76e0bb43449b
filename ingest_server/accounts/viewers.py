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


@dataclass(frozen=True, slots=True)
class Reach:
    """Whose recordings somebody opens without approval.

    Attributes:
        scope: Own, the unit's, all, none.
        key: The officer number or the unit's code that the scope is about.
        sees_restricted: Whether restricted recordings of that scope are among them.
    """

    scope: Scope
    key: str | None
    sees_restricted: bool


EVERYTHING = Reach(Scope.ALL, None, sees_restricted=True)


def find_reach(viewer: Viewer) -> Reach:
    """A viewer's reach by role, officer and unit."""
    sees_restricted = viewer.may(Permission.RECORDING_OPEN_RESTRICTED)
    match SCOPES[viewer.role]:
        case Scope.OWN if viewer.officer:
            return Reach(Scope.OWN, viewer.officer, sees_restricted)
        case Scope.UNIT if viewer.unit is not None:
            return Reach(Scope.UNIT, viewer.unit, sees_restricted)
        case Scope.UNIT | Scope.ALL:
            return Reach(Scope.ALL, None, sees_restricted)
        case Scope.NONE | Scope.OWN:
            return Reach(Scope.NONE, None, sees_restricted=False)


def limit_to_reach(viewer: Viewer) -> tuple[str, list[object]]:
    """The condition on ``recordings r`` that holds for what a viewer may open without approval.

    Returns:
        SQL with its values; ``0`` where the viewer reaches nothing.
    """
    condition, values = limit_to_scope(viewer)
    if not find_reach(viewer).sees_restricted:
        condition = f"({condition}) and r.is_restricted = 0"
    return condition, values


def limit_to_scope(viewer: Viewer) -> tuple[str, list[object]]:
    """The same condition apart from whether a recording is restricted."""
    reach = find_reach(viewer)
    values: list[object] = [] if reach.key is None else [reach.key]
    condition = {
        Scope.NONE: "0",
        Scope.OWN: "r.officer = ?",
        # Every unit that a recording belongs to, by its claim or by its officer, with all units above.
        Scope.UNIT: "exists (select 1 from recording_facets f where f.facet = 'unit' and f.value = ?"
        " and f.received_index = r.received_index)",
        Scope.ALL: "1",
    }[reach.scope]
    return condition, values


def is_in_reach(installation: Installation, viewer: Viewer, evidence_id: str) -> bool:
    """Whether a viewer may open this recording without approval."""
    condition, values = limit_to_reach(viewer)
    found = installation.catalogue.fetch_one(
        f"select 1 from recordings r where r.evidence_id = ? and ({condition})",  # noqa: S608 - fixed conditions
        evidence_id,
        *values,
    )
    return found is not None
