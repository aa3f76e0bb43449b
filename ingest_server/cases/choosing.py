"""Which recordings a person names: by evidence id, each within their reach."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from chain_of_custody.errors import MalformedError
from chain_of_custody.identities import parse_shown_id, show_id
from ingest_server.accounts.viewers import is_in_reach
from ingest_server.errors import BadRequestError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingest_server.accounts.viewers import Viewer
    from ingest_server.installation import Installation

MAX_CHOSEN = 1000


def read_chosen(installation: Installation, viewer: Viewer, texts: Iterable[str]) -> list[str]:
    """Read evidence ids that a person chose or typed, several a text, in the order they came, each once.

    Raises:
        BadRequestError: None at all, too many, or one is no evidence id.
        NotFoundError: There is no such recording, or it is outside the person's reach; which of the two is not said.
    """
    words = [word for text in texts for word in re.split(r"[\s,;，；、]+", text) if word]
    if not words or len(words) > MAX_CHOSEN:
        raise BadRequestError("nothing_chosen")
    ids: dict[str, None] = {}
    for word in words:
        try:
            ids[parse_shown_id(word)] = None
        except MalformedError as error:
            raise BadRequestError("bad_evidence_id", word[:40], named=word[:40]) from error
    for evidence_id in ids:
        if not is_in_reach(installation, viewer, evidence_id):
            raise NotFoundError("not_in_reach", show_id(evidence_id), named=show_id(evidence_id))
    return list(ids)
