"""Where original bytes live: one contract (``ObjectStore``), kept by a directory and by S3 with Object Lock.

Start with ``contract``; ``opening`` makes and opens stores, ``errors`` names what may go wrong.
"""

from ingest_server.store.contract import (
    CanaryReport,
    CapabilityReport,
    Check,
    LockMode,
    LockState,
    ObjectStore,
    PartRequest,
    StoredPart,
    StoredVersion,
    UploadedPart,
)
from ingest_server.store.errors import (
    PartRefusedError,
    StoreError,
    StoreRefusedError,
    StoreUnavailableError,
    UnsafeStoreError,
    UploadGoneError,
    VersionMissingError,
)
from ingest_server.store.opening import create_store, open_store
from ingest_server.store.settings import DirectorySettings, S3Settings, StoreSecrets, StoreSettings

__all__ = [
    "CanaryReport",
    "CapabilityReport",
    "Check",
    "DirectorySettings",
    "LockMode",
    "LockState",
    "ObjectStore",
    "PartRefusedError",
    "PartRequest",
    "S3Settings",
    "StoreError",
    "StoreRefusedError",
    "StoreSecrets",
    "StoreSettings",
    "StoreUnavailableError",
    "StoredPart",
    "StoredVersion",
    "UnsafeStoreError",
    "UploadGoneError",
    "UploadedPart",
    "VersionMissingError",
    "create_store",
    "open_store",
]
