"""The ingest server: receives recordings, keeps the custody ledger and answers for both."""
