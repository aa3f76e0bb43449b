"""Stores that fail on cue: before the work is done, or after it was done and as if it had not been."""

from chain_of_custody.errors import LedgerStoppedError


class Faulty:
    """Any store with one failing operation.

    Args:
        inner: The real one.
        operation: Which method fails.
        is_done: Whether the work is done before the failure is reported.
        error: What is raised.
    """

    def __init__(self, inner, operation, *, is_done, error=None):
        self._inner = inner
        self._operation = operation
        self._is_done = is_done
        self._error = error or LedgerStoppedError(f"{operation} failed on cue")
        self.has_failed = False

    def __getattr__(self, name):
        attribute = getattr(self._inner, name)
        if name != self._operation or self.has_failed:
            return attribute

        def fail(*arguments):
            self.has_failed = True
            if self._is_done:
                attribute(*arguments)
            raise self._error

        return fail
