"""Templates to answers: one environment, one set of filters, one set of headers for every page."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from chain_of_custody.identities import show_id
from ingest_server.web.showing import show_outside, show_plain
from ingest_server.web.static_files import static_url

if TYPE_CHECKING:
    from ingest_server.web.languages import Language

TEMPLATES = Path(__file__).parent / "templates"
# No inline script, no inline style, nothing from elsewhere; media and pictures are this server's own.
PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


def render_page(
    template: str, language: Language, zone: ZoneInfo, *, status: int = 200, **context: Any
) -> HTMLResponse:
    """Render a template; every page and every part of one goes through here."""
    text = _environment(language.tag, zone.key).get_template(template).render(language=language, **context)
    return HTMLResponse(text, status_code=status, headers=PAGE_HEADERS)


@cache
def _environment(tag: str, zone_key: str) -> Environment:
    """One environment a language and zone; texts and times need no argument in templates."""
    from ingest_server.web.languages import Language

    language, zone = Language(tag), ZoneInfo(zone_key)
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )
    environment.install_gettext_callables(  # type: ignore[attr-defined]  # added by the extension
        language.gettext, language.ngettext, newstyle=True, pgettext=language.pgettext
    )
    environment.globals["static_url"] = static_url
    environment.globals["zone_name"] = zone_key
    environment.filters |= {
        "outside": show_outside,
        "plain": show_plain,
        "number": language.show_number,
        "size": language.show_size,
        "duration": language.show_duration,
        "shown_id": show_id,
        "second": lambda at: language.show_time(at, zone),
        "minute": lambda at: language.show_time(at, zone, form="minute"),
        "day": lambda at: language.show_time(at, zone, form="day"),
        "clock": lambda at: language.show_time(at, zone, form="clock"),
    }
    return environment
