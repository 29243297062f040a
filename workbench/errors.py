"""The one exception that users are meant to read."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class BadInput(Exception):  # noqa: N818 - it names what happened to the user, not to the program
    """Something the user gave is wrong: one message that names it and the way out; exit code 2."""


def nearest(word: str, known: Iterable[str]) -> str:
    """`, did you mean 'x'?` when something in `known` is spelled like `word`, else an empty string."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f", did you mean {close[0]!r}?" if close else ""


def choose(word: str, known: Iterable[str], what: str) -> str:
    """`word` itself when it is among `known`; raises BadInput naming the nearest spelling and all choices."""
    names = list(known)
    if word in names:
        return word
    listed = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
    raise BadInput(f"unknown {what} {word!r}{nearest(word, names)} (known: {listed or 'none'})")


class Failed(Exception):  # noqa: N818 - reads as what happened
    """Something outside the user's input went wrong, a full disk say: one message; exit code 1."""


class Cancelled(Exception):  # noqa: N818 - reads as what happened
    """The user asked to stop; nothing is left behind."""
