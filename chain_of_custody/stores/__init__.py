"""Where a ledger keeps its rows."""
