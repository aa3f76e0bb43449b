"""How a store is configured, and the secrets that go with it (kept apart, so that settings can be printed)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pathlib import Path

_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,54}[a-z0-9]")


@dataclass(frozen=True, slots=True)
class DirectorySettings:
    """The embedded default: originals as files below ``root``. Not protected against this machine's administrator."""

    root: Path
    kind: Literal["directory"] = "directory"


@dataclass(frozen=True, slots=True)
class S3Settings:
    """A bucket with versioning and Object Lock.

    Attributes:
        endpoint: Address of the store as the server reaches it, ``http(s)://host[:port]`` with no path.
        bucket: Bucket of the originals.
        dock_endpoint: Address of the same store as docks reach it; empty for the same address.
        scratch_bucket: Where the canary lives; empty for ``<bucket>-canary``.
        ca_file: Certificates to trust for the endpoint; null for the system's.
        region: Region in signatures; MinIO takes any.
        canary_retention: For how long the canary's objects are locked.
    """

    endpoint: str
    bucket: str
    dock_endpoint: str = ""
    scratch_bucket: str = ""
    ca_file: Path | None = None
    region: str = "us-east-1"
    canary_retention: timedelta = timedelta(minutes=3)
    kind: Literal["s3"] = field(default="s3")

    def __post_init__(self) -> None:
        """Fill the addresses that follow from others and refuse what cannot be one.

        Raises:
            ValueError: An address or a bucket name is not usable.
        """
        object.__setattr__(self, "endpoint", check_endpoint(self.endpoint))
        object.__setattr__(self, "dock_endpoint", check_endpoint(self.dock_endpoint or self.endpoint))
        object.__setattr__(self, "scratch_bucket", self.scratch_bucket or f"{self.bucket}-canary")
        if not _BUCKET.fullmatch(self.bucket):
            raise ValueError("a bucket name has 3 to 56 of a-z, 0-9 and '-', the latter not at its ends")
        if self.scratch_bucket == self.bucket:
            raise ValueError("the canary needs a bucket of its own")


@dataclass(frozen=True, slots=True)
class StoreSecrets:
    """What signs: the store account for ``s3``, a secret of the server's own for ``directory``."""

    access_key: str = ""
    secret_key: str = field(default="", repr=False)
    part_secret: str = field(default="", repr=False)


StoreSettings = DirectorySettings | S3Settings


def check_endpoint(url: str) -> str:
    """Return ``url`` without a trailing slash if it is scheme and host alone.

    Raises:
        ValueError: It has a path, a query, credentials, or is not HTTP.
    """
    split = urlsplit(url.rstrip("/"))
    is_bare = not (split.path or split.query or split.fragment or split.username or split.password)
    if split.scheme not in {"http", "https"} or not split.hostname or not is_bare:
        raise ValueError("a store endpoint is http(s)://host[:port] with nothing behind it")
    _ = split.port  # Raises ValueError for a port that is none.
    return f"{split.scheme}://{split.netloc}"
