"""Background work: what waits, who does it, how far it is. The ledger says what is to be done, never this."""
