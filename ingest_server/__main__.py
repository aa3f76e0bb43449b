"""``python -m ingest_server``: the same as the command ``ingest-server``, for programs that start it."""

from ingest_server.cli import main

main(prog_name="ingest-server")
