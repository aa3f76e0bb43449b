"""``report.html``: the facts of ``report.json`` for a person, in both languages, without script or outside resource.

The page is for reading and never evidence; it says so at its top. Every value is escaped: names come from recorders.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from chain_of_custody.canonical import JsonValue
from chain_of_custody.sentences import LABELS, Sentence, show_safely

__all__ = ["render_page"]

_STYLE = (
    "body{font:16px/1.5 'Noto Sans','Noto Sans SC','PingFang SC','Microsoft YaHei',sans-serif;color:#1a1a1a;"
    "max-width:72rem;margin:2rem auto;padding:0 1rem}"
    "h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2rem}"
    ".warning{border:2px solid #8a4b00;background:#fff6e5;padding:.75rem 1rem}"
    "table{border-collapse:collapse;width:100%;font-size:.9rem}"
    "th,td{border-bottom:1px solid #ccc;text-align:left;vertical-align:top;padding:.35rem .6rem .35rem 0}"
    "td{overflow-wrap:anywhere}.zh{color:#444}"
)
_RECORDING_COLUMNS = ("evidence_id", "file", "size", "digest", "path", "dock", "received")
_EVENT_COLUMNS = ("index", "time", "type", "subject", "actor", "reason_given")


def render_page(facts: Mapping[str, JsonValue], limits: Iterable[Sentence]) -> bytes:
    """Return the page for facts of :func:`chain_of_custody.report.derive_facts` and what the judgement left open."""
    export = _mapping(facts["export"])
    number = str(export.get("number") or export.get("export_id"))
    body = [
        f"<h1>{_both('page_title', number=number)}</h1>",
        f'<p class="warning">{_both("page_warning")}</p>',
        f"<p>{escape(_text(export.get('title')))}</p>",
        f"<p>{_both('complete', index=_text(facts['complete_up_to']))} · {escape(_text(export.get('time')))}</p>",
        f"<h2>{_both('not_proved')}</h2>",
        *_list_limits(limits),
        f"<h2>{_both('page_recordings')}</h2>",
        *_table(_RECORDING_COLUMNS, map(_recording_row, _list(facts["recordings"]))),
        f"<h2>{_both('page_events')}</h2>",
        *_table(_EVENT_COLUMNS, map(_event_row, _list(facts["events"]))),
        f"<h2>{_both('page_log')}</h2>",
        f"<p>{escape(_text(facts['origin']))}<br>{_both('fingerprint', fingerprint=_text(facts['fingerprint']))}</p>",
    ]
    head = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(number)}</title><style>{_STYLE}</style></head><body>\n"
    )
    return (head + "\n".join(body) + "\n</body></html>\n").encode("utf-8")


def _both(code: str, **values: str) -> str:
    """Return a label in English, and beside it in Chinese where that differs; values are escaped."""
    shown = {name: escape(show_safely(value)) for name, value in values.items()}
    english, chinese = (text.format(**shown) for text in LABELS[code])
    return english if english == chinese else f'{english} <span class="zh" lang="zh-Hans">{chinese}</span>'


def _list_limits(limits: Iterable[Sentence]) -> Iterable[str]:
    yield "<ul>"
    for sentence in limits:
        chinese = f'<span class="zh" lang="zh-Hans">{escape(sentence.text("zh"))}</span>'
        yield f"<li>{escape(sentence.text('en'))} {chinese}</li>"
    yield "</ul>"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterable[str]:
    yield "<table><tr>" + "".join(f"<th>{_both(column)}</th>" for column in columns) + "</tr>"
    for row in rows:
        yield "<tr>" + "".join(f"<td>{escape(show_safely(cell))}</td>" for cell in row) + "</tr>"
    yield "</table>"


def _recording_row(value: JsonValue) -> list[str]:
    item = _mapping(value)
    digest = _text(_mapping(item["digests"]).get("sha2-256"))
    dock = _text(item["dock"] or item["dock_id"])
    names = ("evidence_id", "file", "size")
    return [*(_text(item[name]) for name in names), digest, _text(item["path"]), dock, _text(item["time"])]


def _event_row(value: JsonValue) -> list[str]:
    item = _mapping(value)
    return [_text(item[name]) for name in ("index", "time", "type", "subject", "actor", "reason")]


def _text(value: JsonValue) -> str:
    return "" if value is None else str(value)


def _mapping(value: JsonValue) -> Mapping[str, JsonValue]:
    assert isinstance(value, dict), "facts are derived by our own code"
    return value


def _list(value: JsonValue) -> Sequence[JsonValue]:
    assert isinstance(value, list), "facts are derived by our own code"
    return value
