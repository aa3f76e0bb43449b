"""Roles as sets of ``domain:action`` permissions (formats, section 8)."""

from __future__ import annotations

from enum import StrEnum


class Permission(StrEnum):
    """What a token may do."""

    CASEFILE_CHANGE = "casefile:change"
    CASEFILE_READ = "casefile:read"
    DOCK_READ = "dock:read"
    EXPORT_CREATE = "export:create"
    LEDGER_READ = "ledger:read"
    POLICY_READ = "policy:read"
    RECORDING_HISTORY = "recording:history"
    RECORDING_READ = "recording:read"


_READING = frozenset({Permission.RECORDING_READ, Permission.CASEFILE_READ})
ROLES: dict[str, frozenset[Permission]] = {
    "officer": frozenset(),
    "case_handler": _READING | {Permission.CASEFILE_CHANGE},
    "evidence_administrator": frozenset(Permission),
    "supervisor": _READING | {Permission.CASEFILE_CHANGE, Permission.EXPORT_CREATE, Permission.RECORDING_HISTORY},
    "legal_reviewer": _READING | {Permission.RECORDING_HISTORY},
    "auditor": frozenset({Permission.LEDGER_READ, Permission.RECORDING_HISTORY, Permission.POLICY_READ}),
    "system_administrator": frozenset({Permission.DOCK_READ, Permission.POLICY_READ}),
    "security_administrator": frozenset({Permission.DOCK_READ, Permission.POLICY_READ}),
}
