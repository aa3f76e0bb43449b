"""The second task: one pass over picture and sound, and the first signs of quality it shows.

Where keyframes stand close enough only they are decoded, which costs a tenth of decoding everything; the report says
which it was, how many pictures were looked at, and up to where.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import av
import numpy as np

from ingest_server.media.decoding.opening import find_audio, find_video, open_container, start_of, to_picture
from ingest_server.media.decoding.pictures import finding, send_piece
from ingest_server.media.decoding.signs import LUMA_WIDTH, PictureSigns, SoundSigns, Stretch
from ingest_server.media.decoding.tools import MAX_PIXELS, encode_small, name_versions
from ingest_server.media.magic import HEAD_BYTES, sniff
from ingest_server.media.thresholds import Thresholds

if TYPE_CHECKING:
    from av.container import InputContainer

    from ingest_server.media.asking import Parent

FRAME_PX, FRAME_BYTES = 320, 24_000
_SAMPLE_MS, _SPARSE_MS = 500, 2500
_SOUND_MS = 1000
_MAX_STRETCHES = 6
_MAX_UNDECODABLE = 5000
_EARLY_MS = 2000
_MAX_MS = 1 << 40
_MESSAGES = {
    "picture_black": "the picture is black: the lens was covered, or there was no light",
    "picture_covered": "the picture shows nothing: the lens was covered, or a plain surface was before it",
    "picture_frozen": "the picture does not change: it is frozen, or the recorder lay still",
    "sound_silent": "there is a sound track without sound",
}


@dataclass(slots=True)
class _Pass:
    """What one pass has seen."""

    signs: PictureSigns
    sound: SoundSigns
    pictures: int = 0
    undecodable: int = 0
    last_picture_ms: int = -_SAMPLE_MS
    until_ms: int = 0
    gathered: list[np.ndarray[Any, Any]] = field(default_factory=list)
    gathered_from_ms: int = 0
    gathered_ms: float = 0.0


def examine(parent: Parent, request: dict[str, Any]) -> dict[str, Any]:
    """Look and listen through the recording.

    Returns:
        ``examined``, ``findings`` and ``tools``; the frames that show the findings were sent as pieces.
    """
    # Processor time, so that a busy machine takes longer and sees no less.
    ends_at = time.process_time() + float(request["budget_s"])
    thresholds = Thresholds(**request["thresholds"])
    family = sniff(parent.read_at(0, HEAD_BYTES))
    try:
        container = None if family is None or family.is_photo else open_container(parent, family)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - a damaged file raises many classes; each means that it cannot be opened
        container = None
    if container is None:
        return {"examined": {}, "findings": [], "tools": name_versions()}
    video, audio = find_video(container), find_audio(container)
    if video is not None and video.codec_context.width * video.codec_context.height > MAX_PIXELS:
        video = None
    is_every = video is not None and _is_sparse(video)
    if video is not None and not is_every:
        video.codec_context.skip_frame = "NONKEY"
    seen = _Pass(PictureSigns(thresholds), SoundSigns(thresholds))
    is_whole = _walk(parent, container, [stream for stream in (video, audio) if stream is not None], seen, ends_at)
    _listen(seen)
    seen.signs.close()
    seen.sound.close()
    findings = _tell(seen)
    findings += _tell_early_end(container, seen, is_whole=is_whole)
    if seen.undecodable:
        message = f"{seen.undecodable} pieces of picture or sound cannot be decoded; the file is damaged"
        findings.append(finding("media_damaged", "warning", message))
    examined = {
        "until_ms": seen.until_ms,
        "is_whole": is_whole,
        "pictures": seen.pictures,
        "undecodable": seen.undecodable,
        "every_frame": is_every,
    }
    return {"examined": examined, "findings": findings, "tools": name_versions()}


def _is_sparse(video: Any) -> bool:
    """Whether keyframes are too far apart to see a sign of some seconds, or nobody says where they are."""
    times = [entry.timestamp for entry in video.index_entries if entry.is_keyframe]
    if not times:
        return True
    length = video.duration or 0
    ends = [*times, max(times[-1], length + (video.start_time or 0))]
    widest = max(after - before for before, after in pairwise(ends))
    return float(widest * video.time_base) * 1000 > _SPARSE_MS


def _walk(parent: Parent, container: InputContainer, streams: list[Any], seen: _Pass, ends_at: float) -> bool:
    """Demux and decode to the end; False where the time was up or too much could not be decoded."""
    if not streams:
        return True
    start = start_of(container)
    try:
        for packet in container.demux(streams):
            if time.process_time() > ends_at or seen.undecodable > _MAX_UNDECODABLE:
                return False
            try:
                for frame in packet.decode():
                    _take(frame, packet.stream, start, seen)
            except MemoryError:
                raise
            except Exception:  # noqa: BLE001 - a damaged packet raises many classes; it is counted and passed over
                seen.undecodable += 1
            if packet.pts is not None and packet.time_base is not None:
                # What was demuxed is there, also where only keyframes are decoded.
                at_ms = round((float(packet.pts * packet.time_base) - start) * 1000)
                seen.until_ms = max(seen.until_ms, min(at_ms, _MAX_MS))
            if packet.pos is not None and packet.pos >= 0:
                parent.tell(packet.pos)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - the demuxer gives up: the recording ends here
        seen.undecodable += 1
    return True


def _take(frame: Any, stream: Any, start: float, seen: _Pass) -> None:
    if frame.time is None:
        return
    at_ms = max(0, round((frame.time - start) * 1000))
    if isinstance(frame, av.AudioFrame):
        _hear(frame, at_ms, seen)
        return
    # Some recorders' frames are not in order of time; what lies behind us was judged already.
    if at_ms - seen.last_picture_ms < _SAMPLE_MS:
        return
    height = max(2, round(LUMA_WIDTH * frame.height / frame.width))
    luma = frame.reformat(LUMA_WIDTH, height, format="gray", interpolation="AREA").to_ndarray()
    small = encode_small(to_picture(stream, frame, FRAME_PX, FRAME_PX), FRAME_BYTES)
    seen.signs.add(at_ms, np.asarray(luma, np.uint8), small)
    seen.pictures += 1
    seen.last_picture_ms = at_ms
    seen.until_ms = max(seen.until_ms, at_ms)


def _hear(frame: Any, at_ms: int, seen: _Pass) -> None:
    """Gather sound until there is a second of it."""
    sound = frame.to_ndarray()
    if sound.dtype.kind in "iu":
        # Unsigned samples of eight bits lie around their middle.
        middle = 128.0 if sound.dtype.kind == "u" else 0.0
        full = 128.0 if sound.dtype.itemsize == 1 else float(np.iinfo(sound.dtype).max)
        sound = (sound.astype(np.float32) - middle) / full
    if not seen.gathered:
        seen.gathered_from_ms = at_ms
    seen.gathered.append(np.asarray(sound, np.float32).ravel())
    seen.gathered_ms += 1000 * frame.samples / max(1, frame.sample_rate)
    if seen.gathered_ms >= _SOUND_MS:
        _listen(seen)


def _listen(seen: _Pass) -> None:
    if not seen.gathered:
        return
    to_ms = seen.gathered_from_ms + round(seen.gathered_ms)
    seen.sound.add(seen.gathered_from_ms, to_ms, np.concatenate(seen.gathered))
    seen.until_ms = max(seen.until_ms, to_ms)
    seen.gathered, seen.gathered_ms = [], 0.0


def _tell(seen: _Pass) -> list[dict[str, Any]]:
    findings: list[dict[str, Any]] = []
    place = 0
    for code, stretches in (
        ("picture_black", seen.signs.black.found),
        ("picture_covered", seen.signs.covered.found),
        ("picture_frozen", seen.signs.frozen.found),
        ("sound_silent", seen.sound.silent.found),
    ):
        for stretch in sorted(stretches, key=_length)[:_MAX_STRETCHES]:
            findings.append(finding(code, "warning", _MESSAGES[code], stretch.from_ms, stretch.to_ms))
            for at_ms, picture in stretch.shown.choose():
                send_piece("frame", place, picture, at_ms, code)
                place += 1
    return findings


def _length(stretch: Stretch) -> int:
    """Longest first."""
    return stretch.from_ms - stretch.to_ms


def _tell_early_end(container: InputContainer, seen: _Pass, *, is_whole: bool) -> list[dict[str, Any]]:
    """A file that claims more than can be decoded was cut off, or is damaged behind that point."""
    claimed = (container.duration or 0) // 1000
    missing = claimed - seen.until_ms
    if not is_whole or not claimed or missing <= max(_EARLY_MS, claimed // 20):
        return []
    message = f"the container claims {claimed} ms, but its content ends at {seen.until_ms} ms"
    return [finding("media_ends_early", "warning", message, seen.until_ms, claimed)]
