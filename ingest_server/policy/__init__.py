"""Policy values: data with a source, changed only by events."""
