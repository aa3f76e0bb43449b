"""Exports over HTTP: the package is made in the data folder and streamed; nothing of it stays behind."""

from __future__ import annotations

import tempfile
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from ingest_server.accounts.tokens import Token
from ingest_server.cases.api import token_actor
from ingest_server.context import ServerState, get_state, require_permission
from ingest_server.exports.commands import export_casefile
from ingest_server.permissions import Permission

if TYPE_CHECKING:
    from collections.abc import Iterator

State = Annotated[ServerState, Depends(get_state)]
Exporter = Annotated[Token, Depends(require_permission(Permission.EXPORT_CREATE))]
PIECE = 1 << 20


class NewExport(BaseModel):
    """An export to be made."""

    model_config = ConfigDict(extra="forbid")
    reason: Annotated[str, Field(min_length=1, max_length=500)]


def post_export(state: State, token: Exporter, number: str, asked: NewExport) -> StreamingResponse:
    """Export a case file and send the package."""
    folder = tempfile.TemporaryDirectory(prefix="export-", dir=state.installation.data)
    try:
        path = Path(folder.name) / "package.zip"
        export = export_casefile(state.installation, token_actor(token), number, path, asked.reason)
    except BaseException:
        folder.cleanup()
        raise

    def read() -> Iterator[bytes]:
        with folder, path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece

    headers = {
        "Content-Disposition": f'attachment; filename="{export.export_id}.zip"',
        "Content-Length": str(export.size),
        "Repr-Digest": f"sha-256=:{b64encode(bytes.fromhex(export.sha256)).decode()}:",
    }
    return StreamingResponse(read(), media_type="application/zip", headers=headers)
