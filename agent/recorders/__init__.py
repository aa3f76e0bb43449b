"""Recorder families: profiles as data, recognition and name patterns."""
