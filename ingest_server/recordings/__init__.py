"""Recordings: search, custody history, fixity."""
