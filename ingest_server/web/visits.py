"""One visit to a page: who looks, in which language, and what a handler may do with it.

    Looking = Annotated[Visit, Depends(looking(Permission.RECORDING_READ))]
    Changing = Annotated[Change, Depends(changing(Permission.CASEFILE_CHANGE))]

``looking`` is for GET; ``changing`` is for POST and lets in only forms that carry the session's own token.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile

from ingest_server.accounts.sessions import COOKIE, find_viewer
from ingest_server.context import get_state
from ingest_server.errors import BadRequestError, ForbiddenError, TooLargeError, UnauthorizedError
from ingest_server.policy.values import read_policy
from ingest_server.web.languages import COOKIE as LANGUAGE_COOKIE
from ingest_server.web.languages import Language, choose_language
from ingest_server.web.rendering import render_page

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from fastapi.responses import HTMLResponse

    from ingest_server.accounts.viewers import Viewer
    from ingest_server.custody.actors import Actor
    from ingest_server.installation import Installation
    from ingest_server.permissions import Permission

_CheckT = TypeVar("_CheckT", bound="Callable[..., Any]")
MAX_FORM = 1 << 20
MAX_FIELDS = 5000


@dataclass(frozen=True, slots=True)
class Visit:
    """A signed-in person looks at a page.

    Attributes:
        request: The request.
        installation: Where.
        viewer: Who.
        language: In which language.
        zone: The agency's time zone.
    """

    request: Request
    installation: Installation
    viewer: Viewer
    language: Language
    zone: ZoneInfo

    @property
    def actor(self) -> Actor:
        """As events name the viewer."""
        return self.viewer.actor

    @property
    def is_part(self) -> bool:
        """Whether htmx asks for a part of the page instead of all of it."""
        return self.request.headers.get("hx-request") == "true"

    def render(self, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
        """Render a template of this visit."""
        return render_page(
            template,
            self.language,
            self.zone,
            status=status,
            viewer=self.viewer,
            path=self.request.url.path,
            **context,
        )


@dataclass(frozen=True, slots=True)
class Change(Visit):
    """A signed-in person sends a form.

    Attributes:
        form: Its fields, files among them.
    """

    form: FormData

    def text(self, name: str, *, limit: int = 2000) -> str:
        """One text field, stripped; empty where it is missing. Raises BadRequestError where it is too long."""
        return read_field(self.form, name, limit).strip()

    def count(self, name: str) -> int:
        """A field that holds a count, such as the version a form is about. Raises BadRequestError where it does not."""
        text = self.text(name, limit=20)
        if not (text.isascii() and text.isdigit()):
            raise BadRequestError("bad_request", f"{name} is not a count")
        return int(text)

    def texts(self, name: str) -> list[str]:
        """Every value of a field that may come more than once."""
        return [value for value in self.form.getlist(name) if isinstance(value, str)]


def read_language(request: Request) -> Language:
    """The language of a request."""
    return choose_language(request.cookies.get(LANGUAGE_COOKIE), request.headers.get("accept-language"))


def read_zone(installation: Installation) -> ZoneInfo:
    """The agency's time zone, a policy value."""
    return ZoneInfo(read_policy(installation)["display.time_zone"])


def looking(permission: Permission | None = None) -> Callable[[Request], Coroutine[Any, Any, Visit]]:
    """Give the dependency that lets in signed-in people with this permission, or any of them."""

    async def check(request: Request) -> Visit:
        return await run_in_threadpool(_make_visit, request, permission)

    return _say_needed(check, permission)


def changing(
    permission: Permission | None = None, *, max_form: int | Callable[[Installation], int] = MAX_FORM
) -> Callable[[Request], Coroutine[Any, Any, Change]]:
    """Give the dependency of forms: permission, the session's own token, and a bounded body.

    Args:
        permission: What the person must be allowed, or None.
        max_form: The body's limit in bytes, or what reads it where it is a policy value.
    """

    async def check(request: Request) -> Change:
        visit = await run_in_threadpool(_make_visit, request, permission)
        require_same_site(request)
        limit = await run_in_threadpool(max_form, visit.installation) if callable(max_form) else max_form
        form = await read_form(request, limit)
        offered = request.headers.get("x-csrf-token") or form.get("csrf")
        if not isinstance(offered, str) or not secrets.compare_digest(offered.encode(), visit.viewer.csrf.encode()):
            raise ForbiddenError("csrf", account_id=visit.viewer.account_id)
        return Change(visit.request, visit.installation, visit.viewer, visit.language, visit.zone, form)

    return _say_needed(check, permission)


def _say_needed(check: _CheckT, permission: Permission | None) -> _CheckT:
    """Let the dependency say which permission it asks for, so that a test can walk the routes and try each."""
    check.needed = permission  # type: ignore[attr-defined]  # read by tests alone
    return check


def require_same_site(request: Request) -> None:
    """Refuse what another site's page sends; browsers say where a request comes from (Fetch Metadata, RFC 6454)."""
    site = request.headers.get("sec-fetch-site")
    if site not in {None, "same-origin", "none"}:
        raise ForbiddenError("csrf")


async def read_form(request: Request, max_form: int = MAX_FORM) -> FormData:
    """Read a form of at most ``max_form`` bytes; raises TooLargeError, BadRequestError."""
    length = request.headers.get("content-length", "")
    # A browser always says how long a form is; without that nothing bounds it before it is read.
    if not length.isdecimal():
        raise BadRequestError("bad_request", "the form does not say how long it is")
    if int(length) > max_form:
        raise TooLargeError("too_large")
    return await request.form(max_fields=MAX_FIELDS, max_files=20, max_part_size=min(max_form, MAX_FORM))


def read_field(form: FormData, name: str, limit: int = 2000) -> str:
    """One text field exactly as typed; empty where it is missing. Raises BadRequestError where it is too long."""
    value = form.get(name, "")
    if isinstance(value, UploadFile) or len(value) > limit:
        raise BadRequestError("bad_request", f"{name} is too long")
    return value


def _make_visit(request: Request, permission: Permission | None) -> Visit:
    installation = get_state(request).installation
    viewer = find_viewer(installation, request.cookies.get(COOKIE))
    if viewer is None:
        raise UnauthorizedError("sign_in_needed")
    if permission is not None and not viewer.may(permission):
        raise ForbiddenError(
            "not_permitted", f"the role {viewer.role} has not the permission {permission}", account_id=viewer.account_id
        )
    return Visit(request, installation, viewer, read_language(request), read_zone(installation))


def safe_path(target: str | None) -> str:
    """A path of this server to go on to; anything that could lead to another host becomes the first page."""
    path = target or "/"
    # Browsers read a backslash as a slash and strip control characters, so ``/\host`` leads away too.
    is_ours = path.startswith("/") and not path.startswith(("//", "/\\")) and "\\" not in path and path.isprintable()
    return path if is_ours and len(path) <= 2000 else "/"


def is_secure(request: Request) -> bool:
    """Whether cookies of this request may be marked Secure: always but on plain loopback."""
    return request.url.scheme == "https" or get_state(request).is_behind_proxy
