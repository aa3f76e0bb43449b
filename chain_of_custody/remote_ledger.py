"""Reads a ledger's tiles over HTTP with nothing but the standard library.

Only the command line uses this; everything that judges takes the returned function and knows of no network.
"""

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from urllib.parse import urlsplit

from chain_of_custody.errors import UndecidableError

__all__ = ["open_remote_ledger"]

# The largest answer is a full bundle: 256 entries of at most 65,535 bytes (tlog-tiles).
_MAX_ANSWER = 256 * (65_535 + 2)
_TIMEOUT_S = 30


class _SameHostRedirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only to the same scheme, host and port, so that a token never leaves for another one."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: object,
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        before, after = urlsplit(req.full_url), urlsplit(newurl)
        if (before.scheme, before.netloc) != (after.scheme, after.netloc):
            raise ConnectionError("the server sends us to another host; that is not followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]  # fp is passed on


def open_remote_ledger(url: str, token: str | None) -> Callable[[str], bytes]:
    """Return a function that reads a path under the ledger at ``url``.

    Args:
        url: ``http`` or ``https``: a server, or a folder of tiles such as ``<server>/ledger``.
        token: An auditor's token, sent as a bearer token.

    Raises:
        UndecidableError: The URL is none of these kinds. The function itself raises ConnectionError when the server
            cannot be read or refuses, and FileNotFoundError for a path that is not there.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise UndecidableError("a ledger's address is http(s)://host/path")
    # A server's own address is enough: its ledger is always at the same place.
    base = url.rstrip("/") if parts.path.strip("/") else url.rstrip("/") + "/ledger"
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    opener = urllib.request.build_opener(_SameHostRedirects)

    def read_path(path: str) -> bytes:
        request = urllib.request.Request(f"{base}/{path.lstrip('/')}", headers=headers)  # noqa: S310 - checked above
        try:
            with opener.open(request, timeout=_TIMEOUT_S) as answer:
                data: bytes = answer.read(_MAX_ANSWER + 1)
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 404:
                    raise FileNotFoundError(path) from error
                raise ConnectionError(f"the server answered {error.code} for {path}") from error
        except (OSError, http.client.HTTPException) as error:
            raise ConnectionError(f"the server could not be read: {error}") from error
        if len(data) > _MAX_ANSWER:
            raise ConnectionError(f"the server's answer for {path} is larger than any tile")
        return data

    return read_path
