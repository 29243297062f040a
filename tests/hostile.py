"""A workspace in which every text that a user can give is hostile, and what may never be shown of it."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path

import numpy as np
import polars as pl

CONTROLS = "\x00\x07\x08\x0b\x1b[31m\x1b]0;title\x07\x7f\x85\x9b2J"
INVISIBLE = "\xad\u034f\u061c\u115f\u17b4\u180b\u200b\u200c\u200d\u200e\u200f\u2060\u2064\u206a\u3164\ufe0f\ufeff\uffa0"
DIRECTIONS = "\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029\ufff9\ufffb\U000e0041\U000e0100\xa0\u2003"
ZALGO = "Z" + "\u0301\u0302\u0303\u0304\u0305\u0306" * 5
MARKUP = "[/b]<script>|`*_[red]"
HOSTILE = CONTROLS + INVISIBLE + DIRECTIONS + ZALGO + MARKUP
NO_CONTROLS = INVISIBLE + DIRECTIONS + ZALGO + "[b]"  # for names of files and columns

UNSEEN = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"


def unsafe(text: str, allowed: str = "\n") -> list[str]:
    """The characters of `text` that must not reach a screen, a page or a pipe, and marks piled up."""
    wrong = {
        char
        for char in text
        if char not in allowed
        and (
            unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
            or char in UNSEEN
            or unicodedata.name(char, "").startswith(("VARIATION SELECTOR", "MONGOLIAN FREE VARIATION", "TAG "))
        )
    }
    piled = re.findall(r"[\u0300-\u036f]{5,}", text)
    return [f"U+{ord(char):04X} near {_near(text, char)}" for char in sorted(wrong)] + piled


def _near(text: str, char: str) -> str:
    at = text.index(char)
    return ascii(text[max(0, at - 30) : at + 30])


def make_hostile(parent: Path) -> Path:
    """A folder of feature files whose name, classes, paths, files, columns and test set are hostile."""
    folder = parent / f"set\x1b(0\x07\u202e{NO_CONTROLS[:12]}"
    folder.mkdir()
    names = {"train": f"train_{NO_CONTROLS[:20]}.csv", "one": "test1\u202e\u200b.csv", "two": "test2.csv"}
    for seed, (split, file) in enumerate(names.items()):
        rng, labels = np.random.default_rng(seed), np.arange(90) % 3
        features = labels[:, None] + rng.normal(size=(90, 4)) * (1.0 + seed)
        frame = pl.DataFrame(
            {
                "path": [f"{HOSTILE}{split}/{place}.png" for place in range(90)],
                "label": labels,
                f"meta{NO_CONTROLS}": [HOSTILE] * 90,
                **{f"f{place}{NO_CONTROLS}": features[:, place] for place in range(4)},
            }
        )
        frame.write_csv(folder / file)
    classes = [f"cat{HOSTILE}", "cat", "cat\u200b"]
    pl.DataFrame({"label": [0, 1, 2], "name": classes}).write_csv(folder / "classes.csv")
    (folder / "workbench.toml").write_text(
        f"[features]\ntrain = {json.dumps(names['train'], ensure_ascii=False)}\n[features.tests]\n"
        f'"one\u3164" = {json.dumps(names["one"], ensure_ascii=False)}\ntwo = "test2.csv"\n'
        f'[classes]\nnames = "classes.csv"\n[images]\nroot = {json.dumps("img" + NO_CONTROLS, ensure_ascii=False)}\n',
        encoding="utf-8",
    )
    return folder
