"""Enrolment: this dock and the server prove to each other that they know the code, and pin each other's keys."""

from __future__ import annotations

import json
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from urllib3.connection import HTTPSConnection
from urllib3.exceptions import HTTPError

from agent.client import make_pool, read_peer_spki, send_json
from agent.config import CONFIG_NAME, KEY_NAME, DockConfig, prepare_home, save_config
from agent.errors import HomeError, RefusedError, UnreachableError
from chain_of_custody.enrolment import Transcript, derive_key, find_code_id, make_mac, new_nonce, parse_code, verify_mac
from chain_of_custody.errors import CustodyError, VerificationError
from chain_of_custody.note import parse_vkey
from chain_of_custody.signing import SigningKey, VerifyKey, read_key, write_key

if TYPE_CHECKING:
    from pathlib import Path

_HEADERS = {"Content-Type": "application/json"}


def enrol(home: Path, server: str, code: str, ca_file: str | None) -> DockConfig:
    """Enrol this dock; on return keys are pinned and the configuration is durable.

    Args:
        home: The dock home; made where it is missing.
        server: The server's address.
        code: As the server's administrator read it out.
        ca_file: Certificates to believe, for a server behind a proxy.

    Raises:
        HomeError: The home is enrolled already.
        RefusedError: The code is wrong, used or expired, or the server does not know it.
        UnreachableError: No answer, or a connection that cannot be believed.
    """
    server = server.rstrip("/")
    if (home / CONFIG_NAME).exists():
        raise HomeError(f"{home} is enrolled already")
    prepare_home(home)
    key = _load_key(home)
    shared = derive_key(parse_code(code))
    seen_spki = _look_at_key(server, ca_file)
    # Until the proof holds, nothing that the server says is believed; the pin only keeps both requests at one server.
    pool = make_pool(server, spki=seen_spki, ca_file=None if seen_spki else ca_file)
    try:
        asked = {"code_id": find_code_id(shared), "dock_key": key.public.hex, "dock_nonce": new_nonce()}
        _, offer = send_json(pool, "POST", "/enrolment/v1/begin", json.dumps(asked).encode(), _HEADERS)
        spki = _judge_spki(offer, seen_spki, server, ca_file)
        transcript = _make_transcript(offer, asked, spki)
        finish = {**asked, "server_nonce": transcript.server_nonce, "mac": make_mac(shared, "dock", transcript)}
        _, answer = send_json(pool, "POST", "/enrolment/v1/finish", json.dumps(finish).encode(), _HEADERS)
    finally:
        pool.close()
    try:
        verify_mac(shared, "server", transcript, str(answer.get("mac", "")))
    except VerificationError as error:
        raise RefusedError(
            403, "wrong_proof", "the server does not know the code; somebody may stand in between"
        ) from error
    config = DockConfig(
        server=server,
        origin=transcript.origin,
        vkey=transcript.vkey,
        event_key=transcript.event_key,
        spki=spki,
        ca_file=ca_file,
        dock_id=str(answer["dock_id"]),
        name=str(answer["name"]),
    )
    save_config(home, config)
    return config


def _load_key(home: Path) -> SigningKey:
    """This dock's key; one that an interrupted enrolment made is used again."""
    path = home / KEY_NAME
    if path.exists():
        return read_key(path)
    key = SigningKey.generate()
    write_key(path, key)
    return key


def _look_at_key(server: str, ca_file: str | None) -> str | None:
    """The digest of the public key that the server shows; None over plain HTTP, which is for this machine only."""
    parts = urlsplit(server)
    if parts.scheme != "https":
        return None
    context = ssl.create_default_context(cafile=ca_file)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = HTTPSConnection(
        parts.hostname or "", parts.port or 443, timeout=10, ssl_context=context, cert_reqs="CERT_NONE"
    )
    try:
        connection.connect()
        return read_peer_spki(connection)
    except (HTTPError, OSError, CustodyError) as error:
        raise UnreachableError(f"{server} does not answer over TLS: {error}") from error
    finally:
        connection.close()


def _judge_spki(offer: dict[str, object], seen: str | None, server: str, ca_file: str | None) -> str | None:
    """What this side puts into the transcript: the key it saw, or null on loopback and behind a believed proxy."""
    if seen is None or not offer.get("behind_proxy"):
        return seen
    # Behind a proxy the key is the proxy's, so the connection must be believed by certificates instead.
    pool = make_pool(server, ca_file=ca_file)
    try:
        pool.request("GET", "/api/v1/health", redirect=False)
    except (HTTPError, OSError) as error:
        raise UnreachableError(f"the proxy in front of {server} is not believed: give --ca FILE ({error})") from error
    finally:
        pool.close()
    return None


def _make_transcript(offer: dict[str, object], asked: dict[str, str], spki: str | None) -> Transcript:
    try:
        vkey, event_key = str(offer["vkey"]), str(offer["event_key"])
        parse_vkey(vkey)
        VerifyKey.from_hex(event_key)
        return Transcript(
            str(offer["origin"]),
            vkey,
            event_key,
            asked["dock_key"],
            asked["dock_nonce"],
            str(offer["server_nonce"]),
            spki,
        )
    except (KeyError, CustodyError) as error:
        raise RefusedError(502, "bad_answer", f"the server's answer is not one of ours: {error}") from error
