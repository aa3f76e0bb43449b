"""Text from outside made safe to look at: nothing in a name may hide, reorder or imitate what stands around it."""

from __future__ import annotations

import unicodedata

from markupsafe import Markup, escape

# Control, format (bidirectional marks among them), surrogate, private, and separators that break lines.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_OPENED, _CLOSED = Markup("<bdi>"), Markup("</bdi>")


def show_outside(value: object) -> Markup:
    """A name or claim from outside, isolated in its direction, with characters nobody can see written out.

    >>> str(show_outside("a" + chr(0x202E) + "b<"))
    '<bdi>a<span class="unseen">U+202E</span>b&lt;</bdi>'
    """
    text = str(value)
    # Almost every name: no character in it is one of those, and pages show hundreds of them.
    if text.isprintable():
        return _OPENED + escape(text) + _CLOSED
    shown = Markup().join(
        Markup('<span class="unseen">U+{}</span>').format(f"{ord(c):04X}")
        if unicodedata.category(c) in _UNSEEN
        else escape(c)
        for c in text
    )
    return Markup("<bdi>{}</bdi>").format(shown)


def show_plain(value: object) -> str:
    """The same where there is only text, as in a window's title: characters nobody can see are written out.

    >>> show_plain("a" + chr(0x202E) + "b<")
    'aU+202Eb<'
    """
    return "".join(f"U+{ord(c):04X}" if unicodedata.category(c) in _UNSEEN else c for c in str(value))
