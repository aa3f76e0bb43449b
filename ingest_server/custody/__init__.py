"""The bridge to the ledger: actors, events and receipts."""
