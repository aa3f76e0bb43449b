"""Which event keys and dock keys the ledger itself has opened, and from which index to which.

The log key is the only root that comes from outside. Leaf 0, ``ledger.opened``, opens the first event key and is
signed by it; ``ledger.key_added`` and ``ledger.key_revoked`` open and close later ones, ``dock.enrolled`` and
``dock.revoked`` those of docks. A key counts from the index after its opening up to and including its revocation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from chain_of_custody.canonical import JsonValue
from chain_of_custody.commitments import Opening
from chain_of_custody.errors import VerificationError
from chain_of_custody.identities import ledger_subject
from chain_of_custody.leaves import Leaf, verify_leaf
from chain_of_custody.signing import VerifyKey

__all__ = ["ESTABLISHING_EVENTS", "KeyPeriod", "KeyRegister", "OpenedLeaf"]

ESTABLISHING_EVENTS = frozenset(
    {"ledger.opened", "ledger.key_added", "ledger.key_revoked", "dock.enrolled", "dock.revoked"}
)


class OpenedLeaf(Protocol):
    """A leaf at its index with the parts that are disclosed, each already checked against its commitment."""

    @property
    def index(self) -> int:
        """The leaf's place in the log."""

    @property
    def leaf(self) -> Leaf:
        """The leaf itself."""

    @property
    def openings(self) -> Mapping[str, Opening]:
        """The disclosed parts by label."""


@dataclass(frozen=True)
class KeyPeriod:
    """One key, who holds it (the subject that opened it) and for which indexes it counts."""

    key: VerifyKey
    holder: str
    name: str | None
    opened_at: int
    closed_at: int | None = None

    def covers(self, index: int) -> bool:
        """Tell whether a signature in the leaf at ``index`` may be this key's."""
        return self.opened_at < index and (self.closed_at is None or index <= self.closed_at)


class KeyRegister:
    """Follows the establishing leaves in the order of their indexes; every leaf given is checked for its signature."""

    def __init__(self, origin: str, log_vkey: str) -> None:
        """Begin with no key; ``log_vkey`` is the key under which the checkpoint was opened."""
        self._origin = origin
        self._log_vkey = log_vkey
        self._event_keys: list[KeyPeriod] = []
        self._dock_keys: list[KeyPeriod] = []

    @property
    def dock_keys(self) -> tuple[KeyPeriod, ...]:
        """All dock keys opened so far."""
        return tuple(self._dock_keys)

    @property
    def event_keys(self) -> tuple[KeyPeriod, ...]:
        """All event keys opened so far."""
        return tuple(self._event_keys)

    def follow(self, opened: OpenedLeaf) -> None:
        """Check the leaf's signature under the keys established before it, then apply what it opens or closes.

        Raises:
            VerificationError: The signature is false, its key was not established before this index or was revoked,
                or an establishing leaf does not disclose the key it speaks of.
        """
        if opened.index == 0:
            self._open_ledger(opened)
            return
        period = self._find(self._event_keys, opened.leaf.envelope.key_id, opened.index, "event")
        verify_leaf(opened.leaf, period.key)
        match opened.leaf.type:
            case "ledger.opened":
                raise VerificationError("a second leaf claims to open the ledger")
            case "ledger.key_added" | "ledger.key_revoked":
                self._check_ledger_subject(opened.leaf)
                self._change(self._event_keys, opened, "event_key")
            case "dock.enrolled" | "dock.revoked":
                if opened.leaf.subject_kind != "dock":
                    raise VerificationError("a dock's key is opened or closed for something that is no dock")
                self._change(self._dock_keys, opened, "dock_key")
            case _:
                pass

    def dock_key(self, key_id: str, index: int) -> KeyPeriod:
        """Return the dock key that counts in the leaf at ``index``; raises VerificationError."""
        return self._find(self._dock_keys, key_id, index, "dock")

    def _open_ledger(self, opened: OpenedLeaf) -> None:
        leaf = opened.leaf
        if leaf.type != "ledger.opened" or leaf.seq != 1:
            raise VerificationError("the first leaf does not open the ledger")
        self._check_ledger_subject(leaf)
        part = _disclosed_object(opened, "opened")
        if part.get("origin") != self._origin or part.get("vkey") != self._log_vkey:
            raise VerificationError("the first leaf opens another ledger or names another log key")
        key = _read_key(part, "event_key")
        verify_leaf(leaf, key)
        self._event_keys.append(KeyPeriod(key, leaf.subject, None, 0))

    def _check_ledger_subject(self, leaf: Leaf) -> None:
        if leaf.subject_kind != "ledger" or leaf.subject != ledger_subject(self._origin):
            raise VerificationError("an event key is opened or closed for something that is not this ledger")

    @staticmethod
    def _find(periods: list[KeyPeriod], key_id: str, index: int, kind: str) -> KeyPeriod:
        known = [period for period in periods if period.key.key_id == key_id]
        if not known:
            raise VerificationError(
                f"signed by the {kind} key {key_id}, which was not established before index {index}"
            )
        for period in known:
            if period.covers(index):
                return period
        raise VerificationError(
            f"signed by the {kind} key {key_id}, which did not count at index {index}: revoked before"
        )

    def _change(self, periods: list[KeyPeriod], opened: OpenedLeaf, field: str) -> None:
        holder = opened.leaf.subject
        if opened.leaf.type.endswith("revoked"):
            # A revocation that does not say which key closes every key of its holder.
            part = _disclosed_object(opened, "key") if "key" in opened.openings else {}
            key = _read_key(part, field).hex if part else None
            periods[:] = [_close(period, opened.index, holder, key) for period in periods]
            return
        name = _disclosed_object(opened, "dock").get("name") if "dock" in opened.openings else None
        key_part = _disclosed_object(opened, "key")
        periods.append(
            KeyPeriod(_read_key(key_part, field), holder, name if isinstance(name, str) else None, opened.index)
        )


def _close(period: KeyPeriod, index: int, holder: str, key: str | None) -> KeyPeriod:
    is_meant = period.holder == holder and (key is None or key == period.key.hex)
    return replace(period, closed_at=index) if is_meant and period.closed_at is None else period


def _disclosed_object(opened: OpenedLeaf, label: str) -> Mapping[str, JsonValue]:
    opening = opened.openings.get(label)
    if opening is None or not isinstance(opening.value, dict):
        raise VerificationError(f"{opened.leaf.type} does not disclose its part '{label}'")
    return opening.value


def _read_key(part: Mapping[str, JsonValue], field: str) -> VerifyKey:
    value = part.get(field)
    if not isinstance(value, str):
        raise VerificationError(f"the part that should name a key has no field '{field}'")
    return VerifyKey.from_hex(value)
