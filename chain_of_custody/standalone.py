"""``verify`` as one function and as a program without any library for command lines.

``custody verify`` and the single-file verifier both run :func:`verify_and_print`, so they cannot answer differently.
"""

import argparse
import io
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from chain_of_custody.errors import MalformedError
from chain_of_custody.policy import Policy, TrustPolicy, parse_policy
from chain_of_custody.report import render_report
from chain_of_custody.sentences import Language
from chain_of_custody.verifier import verify_file

__all__ = ["choose_language", "gather_trust", "main", "verify_and_print"]

_EPILOG = "exit status: 0 everything is proved under the trust given; 1 something is false; 2 cannot be judged"
_WRONG_USAGE = 2


def choose_language(asked: str | None, locale: str) -> Language:
    """Return the language asked for, else Chinese where the locale's name begins with ``zh``, else English."""
    return "zh" if (asked or locale).lower().startswith("zh") else "en"


def gather_trust(vkeys: Sequence[str], policies: Sequence[str]) -> TrustPolicy | None:
    """Read what is believed from outside; None when nothing is given.

    Raises:
        MalformedError: A key or policy file is not in its format.
        OSError: A policy file cannot be read.
    """
    given = [Policy.from_vkey(vkey.strip()) for vkey in vkeys]
    given += [parse_policy(Path(path).read_bytes()) for path in policies]
    return TrustPolicy(tuple(given)) if given else None


def verify_and_print(
    file: str, vkeys: Sequence[str], policies: Sequence[str], *, as_json: bool, language: Language, out: TextIO
) -> int:
    """Verify a package or receipt, print the answer and return the exit status.

    Raises:
        MalformedError: The trust given is not in its format; nothing was verified.
        OSError: A policy file cannot be read.
    """
    report = verify_file(file, gather_trust(vkeys, policies))
    if as_json:
        json.dump(report.to_json(), out, ensure_ascii=True, indent=2)
        out.write("\n")
    else:
        out.write(render_report(report, language) + "\n")
    return report.exit_code


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the single-file verifier."""
    parser = argparse.ArgumentParser(
        prog="verify.pyz", description="Verify an export package or a receipt, offline.", epilog=_EPILOG
    )
    parser.add_argument("file", metavar="FILE", help="the package (ZIP) or receipt (JSON)")
    parser.add_argument("--vkey", action="append", default=[], help="a log's verifier key, obtained from the agency")
    parser.add_argument("--policy", action="append", default=[], metavar="FILE", help="a C2SP tlog-policy file")
    parser.add_argument("--json", action="store_true", help="print the answer for programs")
    parser.add_argument("--lang", choices=("en", "zh"), help="language of the answer (default: by LANG)")
    options = parser.parse_args(arguments)
    language = choose_language(options.lang, os.environ.get("LC_ALL") or os.environ.get("LANG") or "")
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that cannot show a character gets its escape, never a traceback.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        return verify_and_print(
            options.file, options.vkey, options.policy, as_json=options.json, language=language, out=sys.stdout
        )
    except (MalformedError, OSError) as error:
        sys.stderr.write(f"verify.pyz: {error}\n")
        return _WRONG_USAGE
