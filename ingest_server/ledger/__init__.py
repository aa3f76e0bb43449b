"""The published ledger over HTTP."""
