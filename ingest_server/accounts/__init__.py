"""Tokens of programs and auditors."""
