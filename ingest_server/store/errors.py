"""What may go wrong with a store, and whose trouble it is.

* ``StoreError``
* ``StoreUnavailableError``: temporary; the store cannot be reached or is not ready, and the call may be repeated
* ``UploadGoneError``: the store no longer knows the upload; begin again with a new one
* ``VersionMissingError``: no such object, or no such version of it
* ``StoreRefusedError``: the store understood and refused, or its answer contradicts what was sent
* ``PartRefusedError`` (a ``StoreRefusedError``): a part request that the directory store does not accept
* ``UnsafeStoreError``: the store does not hold what it accepts; names the checks that failed
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest_server.store.contract import Check


class StoreError(Exception):
    """Anything a store could not do.

    Attributes:
        code: Short name for programs.
        retryable: Whether the same call may succeed later without a change.
        sentence: What a person reads, in English.
        sentence_zh: The same in Chinese.
    """

    code = "store_failed"
    retryable = False
    sentence = "The object store failed."
    sentence_zh = "对象存储出错。"


class StoreUnavailableError(StoreError):
    """The store cannot be reached, is overloaded or broke off; nothing is known about what it did with the call."""

    code = "store_unavailable"
    retryable = True
    sentence = "The object store cannot be reached at the moment."
    sentence_zh = "暂时无法连接对象存储。"


class UploadGoneError(StoreError):
    """The store does not know this upload (any more); its parts are lost and the file must be sent anew."""

    code = "upload_gone"
    sentence = "The upload no longer exists; begin again."
    sentence_zh = "上传已不存在，请重新开始。"


class VersionMissingError(StoreError):
    """The store holds no such object, or not this version of it."""

    code = "version_missing"
    sentence = "The stored version is missing."
    sentence_zh = "存储中找不到该版本。"


class StoreRefusedError(StoreError):
    """The store refused the call, or what it holds differs from what was asked to be there."""

    code = "store_refused"
    sentence = "The object store refused the request."
    sentence_zh = "对象存储拒绝了请求。"


class PartRefusedError(StoreRefusedError):
    """A part request was wrong; nothing of it counts as stored.

    Attributes:
        status: The HTTP status an S3 server gives for the same fault.
    """

    def __init__(self, code: str, message: str, status: int = 403) -> None:
        """Name the fault as S3 does, so that the dock needs one set of rules."""
        super().__init__(message)
        self.code = code
        self.status = status
        # Another signature may be asked for; other faults do not go away by repeating the request.
        self.retryable = code in {"request_expired", "wrong_signature"}


class UnsafeStoreError(StoreError):
    """Nothing on this store may be called evidence.

    Attributes:
        checks: The checks that failed.
    """

    code = "store_unsafe"
    sentence = "The object store does not protect what it accepts."
    sentence_zh = "对象存储不能保护其接收的内容。"

    def __init__(self, message: str, checks: Sequence[Check] = ()) -> None:
        """Say what is unsafe; the names of the failed checks become part of the text."""
        self.checks = tuple(check for check in checks if not check.passed)
        names = "; ".join(f"{check.name}: {check.detail}" for check in self.checks)
        super().__init__(f"{message} ({names})" if names else message)
