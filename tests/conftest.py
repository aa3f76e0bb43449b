"""Fixtures every test may use come from tests/support."""

pytest_plugins = [
    "tests.support.minio_server",
    "tests.support.rclone_server",
    "tests.support.running",
    "tests.support.people",
    "tests.support.filled",
    "tests.support.recorded",
    "tests.support.agency",
    "tests.support.browser",
]
