"""Shows what a package or receipt says, without judging it: ``custody inspect``."""

from pathlib import Path

from chain_of_custody.canonical import JsonValue, parse_json
from chain_of_custody.errors import UndecidableError
from chain_of_custody.identities import show_id
from chain_of_custody.leaves import Leaf, parse_leaf
from chain_of_custody.package import PackageReader, PackedLeaf, load_contents
from chain_of_custody.receipt_file import MAX_RECEIPT, looks_like_receipt
from chain_of_custody.receipts import Receipt

__all__ = ["inspect_file"]


def inspect_file(path: Path | str) -> dict[str, JsonValue]:
    """Return what the file says as JSON values.

    Raises:
        CustodyError: It is neither a package nor a receipt, or not in its format.
        OSError: It cannot be read.
    """
    with Path(path).open("rb") as file:
        start = file.read(MAX_RECEIPT + 1)
        if looks_like_receipt(start):
            return _inspect_receipt(start)
        if not start.startswith(b"PK"):
            raise UndecidableError("neither a package nor a receipt")
        return _inspect_package(PackageReader(file))


def _inspect_package(reader: PackageReader) -> dict[str, JsonValue]:
    contents = load_contents(reader, dict.fromkeys(reader.members, ""), lambda _where: None)
    names: list[JsonValue] = [*sorted(reader.members)]
    return {
        "kind": "package",
        "folder": reader.top,
        "checkpoint": _show_checkpoint(contents.checkpoint_note),
        "vkey": contents.log_vkey,
        "leaves": [_show_packed(packed) for packed in contents.leaves],
        "originals": [{"file": file.name, "size": file.size} for file in contents.files],
        "members": names,
    }


def _show_checkpoint(note: bytes) -> list[JsonValue]:
    return [*note.decode("utf-8", errors="backslashreplace").split("\n")[:3]]


def _show_packed(packed: PackedLeaf) -> dict[str, JsonValue]:
    openings: dict[str, JsonValue] = {name: opening.value for name, opening in packed.openings.items()}
    return {"index": packed.index, **_show_leaf(packed.leaf), "disclosed": openings}


def _show_leaf(leaf: Leaf) -> dict[str, JsonValue]:
    return {
        "type": leaf.type,
        "subject": show_id(leaf.subject),
        "subject_kind": leaf.subject_kind,
        "seq": leaf.seq,
        "time": leaf.time,
    }


def _inspect_receipt(data: bytes) -> dict[str, JsonValue]:
    receipt = Receipt.from_json(parse_json(data, MAX_RECEIPT))
    openings: dict[str, JsonValue] = {opening.label: opening.value for opening in receipt.openings}
    return {
        "kind": "receipt",
        "index": receipt.index,
        **_show_leaf(parse_leaf(receipt.leaf)),
        "disclosed": openings,
        "checkpoint": _show_checkpoint(receipt.proof.checkpoint_note),
    }
