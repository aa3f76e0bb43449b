"""Every type of event that the code records has words for people."""

import ast
import re
from itertools import product
from pathlib import Path

import chain_of_custody
import ingest_server
from chain_of_custody.leaves import SUBJECT_KINDS
from ingest_server.catalogue.projector import _APPLY
from ingest_server.ledger.event_words import EVENT_WORDS, GROUP_OF, GROUPS, REFUSAL_WORDS, list_types, show_type
from ingest_server.policy.values import load_defaults

FOLDERS = [Path(package.__file__).parent for package in (ingest_server, chain_of_custody)]
# What a type made from a variable may become.
VARIABLES = {"kind": ["unit", "officer"], "verb": ["attached", "detached"]}
DOMAINS = SUBJECT_KINDS | {"derivative", "fixity", "recordings", "request", "token"}
LOOKS_LIKE_ONE = re.compile(rf"(?:{'|'.join(sorted(DOMAINS))})\.[a-z][a-z0-9_]+")
FILES = ("ledger.db", "ledger.lock")
# Handed over by another process of ours, which took it from one of the places found here.
HANDED_OVER = "str(value['type'])"


def list_recorded_types() -> dict[str, str]:
    """Type of event to the place where the code names it."""
    found = {}
    for path in (path for folder in FOLDERS for path in folder.rglob("*.py") if path.name != "event_words.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            place = f"{path.name}:{getattr(node, 'lineno', 0)}"
            kinds = []
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"Event", "EventDraft"}:
                kinds = read_type(node.args[0] if node.args else node.keywords[0].value, place)
            elif (
                isinstance(node, ast.Constant) and isinstance(node.value, str) and LOOKS_LIKE_ONE.fullmatch(node.value)
            ):
                kinds = [node.value]
            found |= dict.fromkeys(kinds, place)
    return {kind: place for kind, place in found.items() if kind not in {*load_defaults(), *FILES}}


def read_type(node: ast.expr, place: str) -> list[str]:
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=pieces):
            choices = [
                VARIABLES[ast.unparse(piece.value)]
                if isinstance(piece, ast.FormattedValue)
                else [ast.literal_eval(piece)]
                for piece in pieces
            ]
            return ["".join(words) for words in product(*choices)]
        # The words stand where the name gets its value, and are found there.
        case ast.Attribute() | ast.Name() | ast.IfExp() | ast.Subscript():
            return []
        case _:
            assert ast.unparse(node) == HANDED_OVER, f"{place}: a type of event that nobody can read"
            return []


def test_every_recorded_type_has_words() -> None:
    recorded = list_recorded_types()
    assert len(recorded) > 30
    missing = {kind: place for kind, place in recorded.items() if kind not in EVENT_WORDS}
    assert not missing, f"ledger/event_words.py lacks {missing}"


def test_no_words_are_kept_for_what_nobody_records() -> None:
    assert set(EVENT_WORDS) <= set(list_recorded_types())


def test_every_projected_type_has_words() -> None:
    assert set(_APPLY) <= set(EVENT_WORDS)


def test_every_type_has_words_in_both_languages() -> None:
    for kind, words in EVENT_WORDS.items():
        assert words.en.isascii(), kind
        assert any("一" <= letter <= "鿿" for letter in words.zh), kind
    assert len({words.zh for words in EVENT_WORDS.values()}) == len(EVENT_WORDS)


def test_every_group_has_types() -> None:
    assert set(GROUP_OF.values()) == set(GROUPS)
    assert "request.refused" in list_types("refusals")
    assert list_types("nothing") == ()


def test_an_unknown_type_stays_as_it_is() -> None:
    assert show_type("later.invented", "zh-Hans") == "later.invented"


def test_every_refusal_is_told_in_the_third_person() -> None:
    raised = re.compile(r"(?:ForbiddenError|UnauthorizedError)\(\s*\"(\w+)\"")
    sources = [path.read_text(encoding="utf-8") for path in Path(ingest_server.__file__).parent.rglob("*.py")]
    codes = {code for source in sources for code in raised.findall(source)}
    assert len(codes) > 10
    assert codes <= REFUSAL_WORDS.keys()
    assert not [words for words in REFUSAL_WORDS.values() if "you" in words.show("en").split()]
