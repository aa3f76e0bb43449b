"""Roles as sets of ``domain:action`` permissions, and whose recordings each role reaches (formats, section 8)."""

from __future__ import annotations

from enum import StrEnum


class Permission(StrEnum):
    """What an account or a token may do."""

    ACCOUNT_MANAGE = "account:manage"
    CASEFILE_CHANGE = "casefile:change"
    CASEFILE_READ = "casefile:read"
    DOCK_MANAGE = "dock:manage"
    DOCK_READ = "dock:read"
    EXPORT_CREATE = "export:create"
    LEDGER_READ = "ledger:read"
    LEDGER_REVIEW = "ledger:review"
    POLICY_READ = "policy:read"
    RECORDER_ISSUE = "recorder:issue"
    RECORDING_ANNOTATE = "recording:annotate"
    RECORDING_DOWNLOAD = "recording:download"
    RECORDING_HISTORY = "recording:history"
    RECORDING_LABEL = "recording:label"
    RECORDING_OPEN_RESTRICTED = "recording:open_restricted"
    RECORDING_PLAY = "recording:play"
    RECORDING_READ = "recording:read"
    RECORDING_RESTRICT = "recording:restrict"
    WORK_MANAGE = "work:manage"
    WORK_READ = "work:read"


class Scope(StrEnum):
    """Whose recordings a role reaches."""

    NONE = "none"
    OWN = "own"
    UNIT = "unit"
    ALL = "all"


_WATCHING = frozenset(
    {
        Permission.RECORDING_READ,
        Permission.RECORDING_PLAY,
        Permission.RECORDING_HISTORY,
        Permission.RECORDING_ANNOTATE,
    }
)
_CASES = frozenset({Permission.CASEFILE_READ, Permission.CASEFILE_CHANGE, Permission.RECORDING_LABEL})
_TAKING_OUT = frozenset({Permission.EXPORT_CREATE, Permission.RECORDING_DOWNLOAD})
ROLES: dict[str, frozenset[Permission]] = {
    "officer": _WATCHING | {Permission.RECORDING_LABEL, Permission.RECORDING_OPEN_RESTRICTED},
    "case_handler": _WATCHING | _CASES,
    "evidence_administrator": frozenset(Permission) - {Permission.ACCOUNT_MANAGE, Permission.RECORDING_OPEN_RESTRICTED},
    "supervisor": _WATCHING
    | _CASES
    | _TAKING_OUT
    | {Permission.DOCK_READ, Permission.RECORDING_OPEN_RESTRICTED, Permission.WORK_READ},
    "legal_reviewer": _WATCHING | {Permission.CASEFILE_READ},
    "auditor": frozenset({Permission.LEDGER_READ, Permission.RECORDING_HISTORY, Permission.POLICY_READ}),
    "system_administrator": frozenset(
        {
            Permission.DOCK_READ,
            Permission.DOCK_MANAGE,
            Permission.POLICY_READ,
            Permission.WORK_MANAGE,
            Permission.WORK_READ,
        }
    ),
    "security_administrator": frozenset({Permission.ACCOUNT_MANAGE, Permission.DOCK_READ, Permission.POLICY_READ}),
}
SCOPES: dict[str, Scope] = {
    "officer": Scope.OWN,
    "case_handler": Scope.UNIT,
    "evidence_administrator": Scope.ALL,
    "supervisor": Scope.UNIT,
    "legal_reviewer": Scope.UNIT,
    "auditor": Scope.ALL,
    "system_administrator": Scope.NONE,
    "security_administrator": Scope.NONE,
}
