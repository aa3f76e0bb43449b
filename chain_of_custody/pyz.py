"""Builds the single-file verifier that every package carries: a zipapp of exactly the modules verification needs.

It runs with ``python3 verify.pyz PACKAGE --vkey KEY`` on any machine with Python 3.11 and ``cryptography``. The copy in
a package is for convenience; whoever doubts the package takes the program from elsewhere.
"""

import ast
import io
import zipfile
from functools import lru_cache
from importlib import metadata
from pathlib import Path

import rfc8785

__all__ = ["build_verifier", "collect_modules"]

_PACKAGE = "chain_of_custody"
_ENTRY = "standalone"
_SHEBANG = b"#!/usr/bin/env python3\n"
# Constant, so that the same program is the same bytes wherever and whenever a package is written.
_DATE_TIME = (2020, 1, 1, 0, 0, 0)
_MAIN = '''\
"""Verifies a package or receipt; see --help."""

import sys

if sys.version_info < (3, 11):
    sys.stderr.write("verify.pyz needs Python 3.11 or newer\\n")
    raise SystemExit(2)
try:
    import cryptography
except ImportError:
    sys.stderr.write("verify.pyz needs the Python package 'cryptography': python3 -m pip install cryptography\\n")
    raise SystemExit(2)

from chain_of_custody.standalone import main

raise SystemExit(main())
'''


@lru_cache(maxsize=1)
def build_verifier() -> bytes:
    """Return the bytes of ``verify.pyz``; the same program gives the same bytes."""
    members = {"__main__.py": _MAIN.encode()}
    folder = Path(__file__).parent
    for name in ("__init__", *collect_modules()):
        members[f"{_PACKAGE}/{name}.py"] = (folder / f"{name}.py").read_bytes()
    members.update(_read_rfc8785())
    out = io.BytesIO()
    out.write(_SHEBANG)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(members):
            info = zipfile.ZipInfo(name, _DATE_TIME)
            info.create_system = 3
            info.external_attr = 0o644 << 16
            archive.writestr(info, members[name])
    return out.getvalue()


def collect_modules() -> tuple[str, ...]:
    """Return the modules of this package that the verifier imports, directly or through others."""
    found: set[str] = set()
    waiting = [_ENTRY]
    folder = Path(__file__).parent
    while waiting:
        name = waiting.pop()
        if name not in found and (folder / f"{name}.py").is_file():
            found.add(name)
            waiting.extend(_imported_modules((folder / f"{name}.py").read_text("utf-8")))
    return tuple(sorted(found))


def _imported_modules(source: str) -> list[str]:
    """Return what a module imports from this package when it runs; imports for type checking only are left out."""
    found: list[str] = []
    nodes: list[ast.AST] = [ast.parse(source)]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.ImportFrom) and node.module == _PACKAGE:
            found.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(f"{_PACKAGE}."):
            found.append(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            found.extend(alias.name.split(".")[1] for alias in node.names if alias.name.startswith(f"{_PACKAGE}."))
        nodes.extend(ast.iter_child_nodes(node))
    return found


def _read_rfc8785() -> dict[str, bytes]:
    """Return the source of the canonical JSON library, which is plain Python, with its licence."""
    folder = Path(rfc8785.__file__).parent
    members = {f"rfc8785/{path.name}": path.read_bytes() for path in folder.glob("*.py")}
    for file in metadata.files("rfc8785") or ():
        if file.name.upper().startswith("LICENSE"):
            members["rfc8785/LICENSE"] = Path(str(file.locate())).read_bytes()
    return members
