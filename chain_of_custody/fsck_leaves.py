"""The part of fsck that judges leaves and records, one after another."""

from dataclasses import dataclass

from chain_of_custody.commitments import verify_opening
from chain_of_custody.drafts import Head
from chain_of_custody.errors import CustodyError, MalformedError, VerificationError
from chain_of_custody.findings import Finding, Severity
from chain_of_custody.leaves import Leaf, is_changing, leaf_digest, parse_leaf, verify_leaf
from chain_of_custody.records import Record
from chain_of_custody.signing import VerifyKey

__all__ = ["LeafChecker"]


@dataclass(slots=True)
class _EventKey:
    key: VerifyKey
    closed_at: int | None = None


class LeafChecker:
    """Follows the leaves in order; remembers each subject's head, the event keys, and the last time."""

    def __init__(self, origin: str, *, has_records: bool) -> None:
        """Check leaves of this ledger; without records, nobody can tell which keys were established."""
        self.heads: dict[str, Head] = {}
        self._origin = origin
        self._has_records = has_records
        self._keys: dict[str, _EventKey] = {}
        self._last_time = ""
        self._unchecked = 0
        self._erased = 0

    def check(self, index: int, data: bytes, record: Record | None, findings: list[Finding]) -> None:
        """Judge the leaf at an index, and its record where there is one."""
        where = f"leaf {index}"

        def note(code: str, message: str, severity: Severity = "error") -> None:
            findings.append(Finding(code, severity, where, message))

        try:
            leaf = parse_leaf(data)
        except MalformedError as error:
            note("leaf_malformed", str(error))
            return
        if leaf.origin != self._origin:
            note("leaf_of_another_ledger", f"it names the ledger {leaf.origin}")
        if leaf.time < self._last_time:
            note("time_fell", f"its time {leaf.time} is before that of the leaf before it")
        self._last_time = max(self._last_time, leaf.time)
        before = self.heads.get(leaf.subject)
        expected = (before.seq + 1, before.leaf_digest) if before else (1, None)
        if (leaf.seq, leaf.prev) != expected:
            note("chain_broken", f"it is number {leaf.seq} of its subject and does not follow number {expected[0] - 1}")
        version = leaf.seq if is_changing(leaf.type) else (before.version if before else 0)
        self.heads[leaf.subject] = Head(leaf.seq, version, index, leaf_digest(data))
        if record is None:
            self._erased += self._has_records
        else:
            self._check_record(leaf, record, where, findings)
            self._follow_keys(index, leaf, record, where, findings)
        self._check_signature(index, leaf, where, findings)

    def finish(self, findings: list[Finding]) -> None:
        """Say what could not be checked."""
        if self._unchecked:
            message = f"{self._unchecked} leaves: without records nobody can tell which event keys were established"
            findings.append(Finding("leaf_signers_not_checked", "note", "leaves", message))
        if self._erased:
            findings.append(Finding("record_erased", "note", "records", f"{self._erased} leaves have no record"))

    def _check_record(self, leaf: Leaf, record: Record, where: str, findings: list[Finding]) -> None:
        missing = leaf.commitments.keys() - record.parts.keys()
        if missing:
            message = f"the record lacks {', '.join(sorted(missing))}"
            findings.append(Finding("record_incomplete", "note", where, message))
        for opening in record.parts.values():
            try:
                verify_opening(opening, leaf.commitments)
            except VerificationError as error:
                findings.append(Finding("record_differs", "error", where, str(error)))

    def _follow_keys(self, index: int, leaf: Leaf, record: Record, where: str, findings: list[Finding]) -> None:
        """Leaf 0 opens the first event key; later leaves of the ledger open and close others."""
        label = "opened" if leaf.type == "ledger.opened" else "key"
        if leaf.subject_kind != "ledger" or label not in record.parts or not leaf.type.startswith("ledger."):
            return
        part = record.parts[label].value
        try:
            key = VerifyKey.from_hex(part.get("event_key") if isinstance(part, dict) else None)
        except CustodyError as error:
            findings.append(Finding("key_malformed", "error", where, str(error)))
            return
        if leaf.type == "ledger.key_revoked":
            if key.key_id in self._keys:
                self._keys[key.key_id].closed_at = index
        elif leaf.type == "ledger.key_added" or index == 0:
            self._keys[key.key_id] = _EventKey(key)

    def _check_signature(self, index: int, leaf: Leaf, where: str, findings: list[Finding]) -> None:
        found = self._keys.get(leaf.envelope.key_id)
        if found is None and not self._keys:
            self._unchecked += 1
            return
        if found is None or (found.closed_at is not None and index > found.closed_at):
            message = f"signed by the event key {leaf.envelope.key_id}, which was not established or was revoked"
            findings.append(Finding("leaf_signer_unknown", "error", where, message))
            return
        try:
            verify_leaf(leaf, found.key)
        except VerificationError as error:
            findings.append(Finding("leaf_signature_false", "error", where, str(error)))
