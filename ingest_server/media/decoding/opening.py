"""Opening a recording with FFmpeg: one demuxer, no protocol, through the worker's bytes."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from av.container import InputContainer

from ingest_server.media.decoding.tools import MAX_PIXELS, Picture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest_server.media.asking import Parent
    from ingest_server.media.magic import Family

_READ_AHEAD = 256 << 10
_CLAIMED = {
    "creation_time": "container_created",
    "make": "container_make",
    "com.apple.quicktime.make": "container_make",
    "com.android.manufacturer": "container_make",
    "model": "container_model",
    "com.apple.quicktime.model": "container_model",
    "com.android.model": "container_model",
    "firmware": "container_firmware",
    "encoder": "container_software",
    "com.apple.quicktime.software": "container_software",
    "com.apple.quicktime.creationdate": "container_created",
}
_MAX_CLAIM = 200


class SourceFile(io.RawIOBase):
    """The recording as a file object; there is no path and no descriptor behind it."""

    def __init__(self, parent: Parent) -> None:
        """Read through the worker."""
        super().__init__()
        self._parent = parent
        self._offset = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer from where we are."""
        data = self._parent.read_at(self._offset, len(buffer))
        buffer[: len(data)] = data
        self._offset += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to an offset, which may lie behind the end."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._offset, io.SEEK_END: self._parent.size}[whence]
        self._offset = max(0, start + offset)
        return self._offset

    def tell(self) -> int:
        """Where we are."""
        return self._offset


def open_container(parent: Parent, family: Family) -> InputContainer:
    """Open with the family's own demuxer and nothing else.

    Raises:
        Exception: FFmpeg cannot; of many classes, as PyAV gives them for damaged files.
    """
    container = av.open(
        SourceFile(parent),
        "r",
        options={
            "format_whitelist": family.demuxer,
            # Nothing that a file names is ever opened: there is no protocol called none.
            "protocol_whitelist": "none",
        },
        metadata_errors="replace",
        buffer_size=_READ_AHEAD,
    )
    for stream in container.streams:
        codec = getattr(stream, "codec_context", None)
        if codec is not None and stream.type in {"video", "audio"}:
            codec.thread_count = 1
            codec.options = {"max_pixels": str(MAX_PIXELS)}
    return container


def find_video(container: InputContainer) -> Any | None:
    """The first moving picture that has a decoder; a cover picture is none."""
    for stream in container.streams.video:
        is_cover = stream.disposition & av.stream.Disposition.attached_pic
        if stream.codec_context is not None and not is_cover:
            return stream
    return None


def find_audio(container: InputContainer) -> Any | None:
    """The first sound that has a decoder."""
    return next((stream for stream in container.streams.audio if stream.codec_context is not None), None)


def read_claims(container: InputContainer) -> list[dict[str, str]]:
    """What the container says of its origin: claims, never facts."""
    found: dict[tuple[str, str], None] = {}
    metadata = [container.metadata, *(stream.metadata for stream in container.streams)]
    for place in metadata:
        for key, value in place.items():
            name = _CLAIMED.get(str(key).lower())
            if name is not None and str(value).strip():
                found[name, str(value).strip()[:_MAX_CLAIM]] = None
    return [{"name": name, "value": value, "source": "container"} for name, value in list(found)[:20]]


def start_of(container: InputContainer) -> float:
    """Where the container's own time begins, in seconds."""
    return (container.start_time or 0) / 1_000_000


def decode_near(container: InputContainer, stream: Any, at_s: float) -> Any | None:
    """The first frame that can be decoded at or before ``at_s`` of the recording; None where there is none."""
    try:
        container.seek(int((at_s + start_of(container)) * 1_000_000), backward=True)
        return next(_decode(container, stream), None)
    except Exception:  # noqa: BLE001 - a damaged file raises many classes, and any of them means: no frame here
        return None


def _decode(container: InputContainer, stream: Any) -> Iterator[Any]:
    """Frames of a stream; a packet that cannot be decoded is passed over, a bounded number of times."""
    bad = 0
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except Exception:  # noqa: BLE001 - see decode_near
            bad += 1
            if bad > 100:
                return


def to_picture(stream: Any, frame: Any, width: int, height: int) -> Picture:
    """A frame as BGR within ``width`` × ``height``, its pixels square and itself upright."""
    is_turned = frame.rotation % 180 == 90
    bound_w, bound_h = (height, width) if is_turned else (width, height)
    shown_w = frame.width * pixel_ratio(stream)
    scale = min(bound_w / shown_w, bound_h / frame.height, 1.0)
    size = max(2, round(shown_w * scale)), max(2, round(frame.height * scale))
    picture = frame.reformat(*size, format="bgr24", interpolation="AREA").to_ndarray()
    # The frame says how far it is to be turned counter-clockwise, and rot90 turns that way.
    return np.ascontiguousarray(np.rot90(picture, k=round(frame.rotation / 90) % 4))


def pixel_ratio(stream: Any) -> float:
    """How much wider than high a pixel of this stream is shown."""
    ratio = stream.sample_aspect_ratio
    return float(ratio) if ratio and 0.2 < ratio < 5 else 1.0
