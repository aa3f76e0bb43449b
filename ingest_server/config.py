"""``config.toml`` of a data folder: what ``init`` was told, and store credentials where they are kept there.

Keys: ``origin``, ``public_url``; ``[store]`` with ``kind`` (``directory`` or ``s3``), ``endpoint``, ``bucket``,
``dock_endpoint``, ``ca_file``, ``access_key``, ``secret_key``.
"""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import tomli_w

from chain_of_custody.durable import write_file
from ingest_server.errors import BadRequestError
from ingest_server.store.settings import DirectorySettings, S3Settings, StoreSecrets, StoreSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

CONFIG_NAME = "config.toml"
_UNUSABLE = re.compile(r"[^a-z0-9.-]+")


@dataclass(frozen=True, slots=True)
class Config:
    """What a data folder was set up with.

    Attributes:
        origin: The ledger's name, with its year.
        public_url: The server's address for links and directory part requests, or None for the one last served.
        store: Where originals go.
    """

    origin: str
    public_url: str | None
    store: StoreSettings


def make_origin(domain: str | None, data: Path, year: int) -> str:
    """Give a ledger's name: ``<domain>/<agency>/<year>``.

    Args:
        domain: ``DOMAIN/AGENCY`` as given, or None for ``localhost/<folder name>``.
        data: The data folder.
        year: The UTC year of ``init``.

    Raises:
        BadRequestError: The given name has another form.
    """
    if domain is None:
        folder = _UNUSABLE.sub("-", data.resolve().name.lower()).strip("-") or "evidence"
        return f"localhost/{folder}/{year}"
    if not re.fullmatch(r"[a-z0-9.-]+/[a-z0-9.-]+", domain):
        raise BadRequestError("wrong_usage", "--origin is DOMAIN/AGENCY of a-z, 0-9, '.' and '-'")
    return f"{domain}/{year}"


def check_public_url(url: str) -> str:
    """Give the server's address without a trailing slash.

    Raises:
        BadRequestError: It is no address, or has something behind host and port: docks sign the path they ask for,
            so a proxy may not put anything before it.
    """
    try:
        split = urlsplit(url.rstrip("/"))
        is_bare = not (split.path or split.query or split.fragment or split.username or split.password)
        _ = split.port  # Raises ValueError for a port that is none.
    except ValueError:
        is_bare = False
    if not is_bare or split.scheme not in {"http", "https"} or not re.fullmatch(r"[^\s/]+", split.hostname or ""):
        raise BadRequestError("wrong_usage", "--public-url is http(s)://HOST[:PORT] with nothing behind it")
    return f"{split.scheme}://{split.netloc}"


def load_config(data: Path) -> Config:
    """Read the configuration of a data folder.

    Raises:
        BadRequestError: There is none, or it is not readable as one.
    """
    try:
        value = tomllib.loads((data / CONFIG_NAME).read_text(encoding="utf-8"))
        return Config(str(value["origin"]), value.get("public_url"), _read_store(value["store"], data))
    except FileNotFoundError as error:
        raise BadRequestError(
            "wrong_usage", f"{data} is not a data folder; run: ingest-server init --data {data}"
        ) from error
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise BadRequestError("wrong_usage", f"{data / CONFIG_NAME} cannot be read: {error}") from error


def save_config(data: Path, config: Config) -> None:
    """Write the configuration; durable on return. Credentials are never written here by us."""
    value: dict[str, Any] = {"origin": config.origin}
    if config.public_url:
        value["public_url"] = config.public_url
    store = config.store
    if isinstance(store, S3Settings):
        value["store"] = {"kind": "s3", "endpoint": store.endpoint, "bucket": store.bucket}
        if store.dock_endpoint != store.endpoint:
            value["store"]["dock_endpoint"] = store.dock_endpoint
        if store.ca_file:
            value["store"]["ca_file"] = str(store.ca_file)
    else:
        value["store"] = {"kind": "directory"}
    write_file(data / CONFIG_NAME, tomli_w.dumps(value).encode())


def read_secrets(data: Path) -> StoreSecrets:
    """Give the store's credentials, from the environment or ``config.toml``, and the secret for part requests."""
    value: dict[str, Any] = {}
    if (data / CONFIG_NAME).exists():
        value = tomllib.loads((data / CONFIG_NAME).read_text(encoding="utf-8")).get("store", {})
    secret = data / "keys" / "part-secret"
    return StoreSecrets(
        access_key=os.environ.get("MINIO_ACCESS_KEY") or str(value.get("access_key", "")),
        secret_key=os.environ.get("MINIO_SECRET_KEY") or str(value.get("secret_key", "")),
        part_secret=secret.read_text(encoding="ascii").strip() if secret.exists() else "",
    )


def _read_store(value: Mapping[str, Any], data: Path) -> StoreSettings:
    if value["kind"] == "directory":
        return DirectorySettings(data / "store")
    if value["kind"] != "s3":
        raise ValueError(f"store.kind is {value['kind']!r}")
    ca_file = value.get("ca_file")
    return S3Settings(
        endpoint=str(value["endpoint"]),
        bucket=str(value["bucket"]),
        dock_endpoint=str(value.get("dock_endpoint", "")),
        ca_file=Path(ca_file) if ca_file else None,
    )
