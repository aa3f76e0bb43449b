"""A process that appends to a ledger and says what it asked for and what it was told.

python -m tests.support.ledger_worker FOLDER COUNT [THREADS]

Prints ``ask SUBJECT`` before an append and ``ack SUBJECT INDEX`` after it returned, each with one unbuffered write, so
that what was said before a kill is known; ``refused SUBJECT MESSAGE`` for an error. COUNT 0 means until stdin closes.
"""

import os
import sys
import threading
from itertools import count as count_from
from pathlib import Path

from chain_of_custody.errors import LedgerError
from chain_of_custody.identities import new_id
from chain_of_custody.instants import utc_clock
from tests.support.ledgers import make_draft, open_ledger


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def main() -> None:
    folder, limit = Path(sys.argv[1]), int(sys.argv[2])
    threads = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    ended = threading.Event()
    if not limit:
        threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    ledger = open_ledger(folder, utc_clock)

    def append() -> None:
        for number in count_from(1):
            if ended.is_set() or number > limit > 0:
                return
            subject = new_id()
            # Every third act has two leaves, so that a split act would be seen.
            drafts = (
                [make_draft(subject)] if number % 3 else [make_draft(subject), make_draft(subject, "recording.viewed")]
            )
            say(f"ask {subject}")
            try:
                say(f"ack {subject} {ledger.append(drafts)[0].index}")
            except LedgerError as error:
                say(f"refused {subject} {error}")
                return

    callers = [threading.Thread(target=append) for _ in range(threads)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    ledger.close()
    say("end")


if __name__ == "__main__":
    main()
