"""The decoders' versions, a first use of each before the files are closed, and encoding of the JPEGs we make."""

from __future__ import annotations

import importlib
import io
import pkgutil

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
MAX_PIXELS = 64_000_000
"""Largest picture that is decoded: twice what recorders' sensors have; more is a decompression bomb."""


def name_versions() -> dict[str, str]:
    """The tools that made what a report describes."""
    codec = ".".join(str(part) for part in av.library_versions["libavcodec"])
    return {"av": av.__version__, "libavcodec": codec, "opencv": cv2.__version__}


def warm_up() -> None:
    """Load and use what loads files at its first use, while files can be opened."""
    for module in pkgutil.walk_packages(av.__path__, "av."):
        if "__main__" not in module.name:
            importlib.import_module(module.name)
    av.logging.set_level(None)
    cv2.setNumThreads(1)
    picture = np.zeros((16, 16, 3), np.uint8)
    cv2.resize(picture, (8, 8), interpolation=cv2.INTER_AREA)
    cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    cv2.Laplacian(picture, cv2.CV_64F)
    cv2.imdecode(np.frombuffer(encode_jpeg(picture, 90), np.uint8), cv2.IMREAD_COLOR)
    with av.open(io.BytesIO(_make_film(picture)), "r") as container:
        for frame in container.decode(container.streams.video[0], container.streams.audio[0]):
            if isinstance(frame, av.VideoFrame):
                frame.reformat(8, 8, "gray", interpolation="AREA").to_ndarray()
            elif isinstance(frame, av.AudioFrame):
                av.AudioResampler(format="flt", layout="mono").resample(frame)[0].to_ndarray()


def _make_film(picture: Picture) -> bytes:
    film = io.BytesIO()
    with av.open(film, "w", format="matroska") as container:
        video, audio = container.add_stream("mjpeg", rate=25), container.add_stream("pcm_s16le", rate=8000)
        video.width, video.height, video.pix_fmt = 16, 16, "yuvj420p"
        audio.layout = "mono"
        container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 320), np.int16), format="s16", layout="mono")
        sound.sample_rate = 8000
        container.mux(audio.encode(sound))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return film.getvalue()


def encode_jpeg(picture: Picture, quality: int) -> bytes:
    """Encode a BGR picture."""
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_OPTIMIZE, 1])
    if not done:
        raise ValueError("the picture could not be encoded")
    return data.tobytes()


def encode_small(picture: Picture, limit: int) -> bytes:
    """Encode a BGR picture into at most ``limit`` bytes, as well as that goes."""
    for quality in (82, 74, 66, 56, 46, 36, 26, 16):
        data = encode_jpeg(picture, quality)
        if len(data) <= limit:
            return data
    half = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return encode_small(half.astype(np.uint8), limit)


def fit(picture: Picture, width: int, height: int) -> Picture:
    """Shrink a picture to fit; one that fits is left as it is."""
    scale = min(width / picture.shape[1], height / picture.shape[0], 1.0)
    if scale == 1.0:
        return picture
    size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
