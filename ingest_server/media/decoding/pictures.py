"""The first task: what a recording is, its facts and claims, a poster and a thumbnail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ingest_server.media.asking import send
from ingest_server.media.boxes import find_cut
from ingest_server.media.decoding.opening import (
    decode_near,
    find_audio,
    find_video,
    open_container,
    read_claims,
    start_of,
    to_picture,
)
from ingest_server.media.decoding.tools import MAX_PIXELS, Picture, encode_small, fit, name_versions
from ingest_server.media.magic import HEAD_BYTES, Family, named_family, sniff

if TYPE_CHECKING:
    from av.container import InputContainer

    from ingest_server.media.asking import Parent

POSTER_PX, POSTER_BYTES = 960, 400_000
THUMBNAIL_PX, THUMBNAIL_BYTES = 240, 12_000
_MAX_PHOTO = 64 << 20
# Where a telling frame is looked for, in thousandths of the length; the very first is often dark or half exposed.
_PLACES = (100, 300, 500, 0, 800)
_DULL_MEAN, _DULL_SPREAD = 20.0, 10.0


def make_pictures(parent: Parent, request: dict[str, Any]) -> dict[str, Any]:
    """Probe, and send poster and thumbnail where there is a picture.

    Returns:
        ``facts`` with a ``verdict``, ``claims``, ``findings`` and ``tools``.
    """
    head = parent.read_at(0, HEAD_BYTES)
    family, named = sniff(head), named_family(str(request["path"]))
    claims: list[dict[str, str]] = []
    findings = _compare_name(family, named, is_empty=parent.size == 0)
    if family is None:
        verdict = "not_media" if named is None else "unreadable"
        facts = {"verdict": verdict}
    elif family.is_photo:
        facts = _look_at_photo(parent, family)
    else:
        facts, claims = _look_into(parent, family, findings)
    if family is not None and facts["verdict"] == "unreadable":
        findings.append(finding("media_unreadable", "warning", "the file cannot be opened as what its content says"))
    return {"facts": facts, "claims": claims, "findings": findings, "tools": name_versions()}


def finding(
    code: str, severity: str, message: str, from_ms: int | None = None, to_ms: int | None = None
) -> dict[str, Any]:
    """One finding; times are those of the recording."""
    place = {} if from_ms is None else {"from_ms": from_ms, "to_ms": to_ms}
    return {"code": code, "severity": severity, "where": "media", "message": message, **place}


def _compare_name(family: Family | None, named: Family | None, *, is_empty: bool) -> list[dict[str, Any]]:
    if named is None or family is named:
        return []
    if is_empty:
        return [finding("media_empty", "warning", f"the file is named as {named.name} and is empty")]
    content = "nothing that is known" if family is None else family.name
    return [finding("name_differs", "warning", f"the file is named as {named.name}, its content is {content}")]


def _look_at_photo(parent: Parent, family: Family) -> dict[str, Any]:
    facts = {"verdict": "unreadable", "container": family.name}
    if parent.size > _MAX_PHOTO:
        return facts
    try:
        # OpenCV turns the picture as its EXIF says, and refuses more pixels than the environment allows.
        picture = cv2.imdecode(np.frombuffer(parent.read_at(0, parent.size), np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return facts
    if picture is None:
        return facts
    _send_pictures(np.asarray(picture, np.uint8), None)
    return {**facts, "verdict": "picture", "width": picture.shape[1], "height": picture.shape[0]}


def _look_into(
    parent: Parent, family: Family, findings: list[dict[str, Any]]
) -> tuple[dict[str, Any], list[dict[str, str]]]:
    cut = find_cut(parent.read_at, parent.size) if family.name == "mp4" else None
    if cut is not None:
        what = {"index": "its index is missing", "content": "it ends before its content does"}[cut]
        findings.append(finding("media_cut_off", "warning", f"the file was cut off: {what}"))
    try:
        container = open_container(parent, family)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - a damaged file raises many classes; each means that it cannot be opened
        return {"verdict": "unreadable", "container": family.name}, []
    # The container is never closed: the process ends right after, and the index is read while it is open.
    video, audio = find_video(container), find_audio(container)
    facts = {"container": family.name, **_read_facts(container, video, audio)}
    is_seen = video is not None and _show_video(container, video, facts)
    if is_seen:
        facts["verdict"] = "video"
    elif audio is not None:
        facts["verdict"] = "audio"
    else:
        facts["verdict"] = "unreadable"
    return facts, read_claims(container)


def _read_facts(container: InputContainer, video: Any | None, audio: Any | None) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if container.duration is not None and 0 < container.duration < 1 << 52:
        facts["duration_ms"] = container.duration // 1000
    if video is not None:
        codec, rate = video.codec_context, video.average_rate
        facts |= {"video_codec": codec.name, "width": codec.width, "height": codec.height, "rotation": 0}
        if rate:
            facts["frame_rate"] = f"{rate.numerator}/{rate.denominator}"
    if audio is not None:
        codec = audio.codec_context
        facts |= {"audio_codec": codec.name, "sample_rate": codec.sample_rate, "channels": codec.channels}
    return facts


def _show_video(container: InputContainer, video: Any, facts: dict[str, Any]) -> bool:
    """Send the pictures of the most telling frame; False where no frame can be decoded."""
    if facts["width"] * facts["height"] > MAX_PIXELS:
        return False
    best = _choose_frame(container, video, facts.get("duration_ms", 0) / 1000)
    if best is None:
        return False
    frame, picture = best
    # As the picture is shown: upright. The stream's own width and height stand in the facts.
    facts["rotation"] = round(frame.rotation) % 360
    at_ms = 0 if frame.time is None else max(0, round((frame.time - start_of(container)) * 1000))
    _send_pictures(picture, at_ms)
    return True


def _choose_frame(container: InputContainer, video: Any, length_s: float) -> tuple[Any, Picture] | None:
    best, best_spread = None, -1.0
    for place in _PLACES:
        frame = decode_near(container, video, length_s * place / 1000)
        if frame is None:
            continue
        picture = to_picture(video, frame, POSTER_PX, POSTER_PX)
        spread = float(picture.std())
        if picture.mean() > _DULL_MEAN and spread > _DULL_SPREAD:
            return frame, picture
        if spread > best_spread:
            best, best_spread = (frame, picture), spread
    return best


def _send_pictures(picture: Picture, at_ms: int | None) -> None:
    for kind, px, limit in (("poster", POSTER_PX, POSTER_BYTES), ("thumbnail", THUMBNAIL_PX, THUMBNAIL_BYTES)):
        # A tall picture is bounded by its height as a wide one is by its width.
        send_piece(kind, 0, encode_small(fit(picture, px, px), limit), at_ms)


def send_piece(kind: str, place: int, data: bytes, at_ms: int | None, shows: str | None = None) -> None:
    """Send one picture that was made."""
    send({"tell": "piece", "kind": kind, "place": place, "at_ms": at_ms, "finding": shows, "size": len(data)}, data)
