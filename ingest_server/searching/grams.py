"""Texts cut into short overlapping pieces, so that parts of words and of Chinese sentences are found by index.

SQLite's own trigram tokenizer finds nothing shorter than three characters, and two is the usual length of a Chinese
word or name. So texts are cut here: Chinese and its neighbours into two characters, everything else into three, each
position once; the shorter pieces at the end of a run serve prefix queries.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

__all__ = ["TextQuery", "cut_text", "fold_text", "read_query"]

_RUN = re.compile(r"[^\W_]+")
# From here on scripts are written without spaces, or are rare enough not to matter.
_WIDE = "⺀"
_PIECES = re.compile(rf"[^{_WIDE}-\U0010ffff]+|[{_WIDE}-\U0010ffff]+")
# More pieces cost more than they narrow down; the text itself is compared in the end.
_MAX_GRAMS = 5


@dataclass(frozen=True, slots=True)
class TextQuery:
    """What a typed text asks of the index.

    Attributes:
        words: Folded words, each of which must stand somewhere in a recording's text.
        match: The expression for the index, or None where no word is long enough for whole pieces.
        prefix: The expression for short words, which costs more the more it matches; None where there are no words.
    """

    words: tuple[str, ...]
    match: str | None
    prefix: str | None


def fold_text(text: str) -> str:
    """A text as it is compared: full-width and half-width, capitals and small letters are the same."""
    return unicodedata.normalize("NFKC", text).casefold()


def cut_text(folded: str) -> str:
    """The pieces of a folded text, each once, separated by spaces.

    >>> cut_text("dcim 京a1")
    '1 a1 cim dci im m 京'
    """
    grams = {run[place : place + size] for run, size in _list_runs(folded) for place in range(len(run))}
    return " ".join(sorted(grams))


def read_query(text: str) -> TextQuery:
    """Read what somebody typed; words without letters or digits ask nothing."""
    words = tuple(word for word in fold_text(text).split() if _RUN.search(word))
    grams: list[str] = []
    for word in words:
        runs = _list_runs(word)
        for number, (run, size) in enumerate(runs):
            grams += [run[place : place + size] for place in range(len(run) - size + 1)]
            if number < len(runs) - 1:
                # Something follows that ends the run in the text too, so its end is a piece of its own.
                grams.append(run[-min(size - 1, len(run)) :])
    grams = list(dict.fromkeys(grams))
    if len(grams) > _MAX_GRAMS:
        last = len(grams) - 1
        grams = [grams[last * place // (_MAX_GRAMS - 1)] for place in range(_MAX_GRAMS)]
    match = " AND ".join(f'"{gram}"' for gram in grams) or None
    longest = max((run for word in words for run, _ in _list_runs(word)), key=len, default=None)
    return TextQuery(words, match, f'"{longest}" *' if match is None and longest else None)


def _list_runs(folded: str) -> list[tuple[str, int]]:
    """The runs of letters and digits with the length of their pieces."""
    runs = []
    for run in _RUN.findall(folded):
        if run.isascii():
            runs.append((run, 3))
        else:
            runs += [(piece, 2 if piece[0] >= _WIDE else 3) for piece in _PIECES.findall(run)]
    return runs
