"""The catalogue: tables derived from ledger events alone."""
