"""Recorders as things that are handed out: who holds which, from when to when, and what was checked."""
