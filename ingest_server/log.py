"""Logging for operators: facts with their ids on standard error, no personal data, no secrets."""

from __future__ import annotations

import logging
import time


def set_up_logging() -> None:
    """Send everything of INFO and above to standard error, times in UTC."""
    handler = logging.StreamHandler()
    formatter = logging.Formatter("%(asctime)sZ %(levelname)s %(name)s: %(message)s")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # The job library tells of every message of its queue; the rows of the jobs tell more.
    logging.getLogger("huey").setLevel(logging.WARNING)
