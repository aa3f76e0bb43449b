"""Formats, proofs and the ledger of custody: what anyone can check alone.

Nothing here knows of stores, web frameworks, configuration files or the network.
"""
