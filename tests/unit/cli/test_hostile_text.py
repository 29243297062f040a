"""A hostile workspace through the command line: every byte of every output, on every stream and in every file."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from tests.hostile import CONTROLS, HOSTILE, make_hostile, unsafe
from workbench.cli import main

PLUGIN = """
from workbench.api import *
import numpy as np, polars as pl

EVIL = {evil!r}

class Hostile(Analysis):
    'Says what it should not.'
    name = "hostile"
    title = "Title" + EVIL
    class Params:
        word: str = param("word", help="a word" + EVIL)
    def run(self, ctx, params):
        print(EVIL, flush=True)
        ctx.log(EVIL)
        ctx.progress(0.5, EVIL)
        yield Metric(EVIL, 0.5, ci=(0.4, 0.6), unit=EVIL, note=EVIL, split=EVIL)
        yield Table(pl.DataFrame({{EVIL: [EVIL, None], "list": [[EVIL], []], "n": [1, 2]}}), EVIL, note=EVIL)
        yield Chart([Series(EVIL, np.arange(3.0), np.arange(3.0), EVIL)], EVIL, EVIL, EVIL, note=EVIL)
        yield Chart([Series(EVIL, np.array([EVIL, "b"], dtype=object), np.arange(2.0))], EVIL, kind="bars")
        yield HeatMap(np.eye(2), EVIL, [EVIL, "b"], ["c", EVIL], note=EVIL)
        yield Text(EVIL, EVIL)
        yield Samples("train", [0, 1], EVIL, [EVIL, ""])
        if params.word == "fail":
            raise ValueError(EVIL)
"""


def run(*args: object, encoding: str = "utf-8") -> tuple[int, bytes, bytes]:
    """The command in this process, its streams in the given encoding: exit code, stdout, stderr."""
    raw = io.BytesIO(), io.BytesIO()
    streams = [io.TextIOWrapper(stream, encoding=encoding, write_through=True) for stream in raw]
    with (
        mock.patch.object(sys, "argv", ["workbench", *map(str, args)]),
        mock.patch.object(sys, "stdout", streams[0]),
        mock.patch.object(sys, "stderr", streams[1]),
        mock.patch.dict(os.environ, {"OMP_NUM_THREADS": "1", "COLUMNS": "200"}),
        pytest.raises(SystemExit) as stop,
    ):
        main()
    out, err = (stream.getvalue() for stream in raw)
    for told in (out, err):
        found = unsafe(told.decode(encoding))
        assert not found, (args, found)
        assert b"error in the program" not in told, told.decode(encoding)
    return int(stop.value.code or 0), out, err


def parsed(out: bytes) -> Any:
    assert out.isascii()
    assert b"\x1b" not in out
    return json.loads(out, parse_constant=lambda name: pytest.fail(name))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hostile workspace with one finished run."""
    made = make_hostile(tmp_path_factory.mktemp("hostile"))
    code, out, err = run("train", made, "--head", "linear", "--set", "epochs=1", "--set", "device=cpu", "--json")
    assert code == 0, err
    assert "one\u3164" in parsed(out)["tests"]
    return made


@pytest.mark.parametrize(
    "words",
    [
        ["check"], ["ingest"], ["runs"], ["runs", "show", "last"], ["runs", "list", "--filter", "tag:x\u200b"],
        ["plugin", "list"], ["analyse", "gap"], ["analyse", "divergence"], ["analyse", "duplicates"],
        ["analyse", "neighbours", "--set", "row=0", "--set", "split=two"],
    ],
)  # fmt: skip
def test_commands(folder: Path, words: list[str]) -> None:
    place = 2 if words[0] == "plugin" else 1
    for more in ([], ["--json"]):
        code, out, err = run(*words[:place], folder, *words[place:], *more)
        assert code == 0, err
    answer = parsed(out)
    if "neighbours" in words:
        table = next(block for block in answer["blocks"] if block["kind"] == "table")
        paths = [row[table["columns"].index("path")] for row in table["rows"]]
        assert all(HOSTILE in path for path in paths)  # JSON has the data as they are


def test_training(folder: Path) -> None:
    for words in (["train", "--head", "ridge"], ["sweep", "--head", "linear", "--grid", "lr=0.01,0.1"]):
        more = ["--set", "epochs=1"] if words[0] == "sweep" else []
        code, out, err = run(words[0], folder, *words[1:], *more)
        assert code == 0, err
        assert "one\\u3164" in out.decode()


def test_a_report(folder: Path, tmp_path: Path) -> None:
    for ending in (".md", ".html"):
        code, _, err = run("report", folder, "--out", tmp_path / f"page{ending}")
        assert code == 0, err
        page = (tmp_path / f"page{ending}").read_text(encoding="utf-8")
        assert not unsafe(page)
        assert "<script>" not in page.replace("\\<script\\>", "")
        assert "cat" in page


@pytest.mark.parametrize("word", ["word", "fail"])
def test_what_a_plugin_says(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setenv("WORKBENCH_CONFIG_DIR", str(tmp_path))
    (tmp_path / "plugins").mkdir()
    evil = HOSTILE.replace("\0", "").replace("\\", "")
    (tmp_path / "plugins" / "hostile.py").write_text(PLUGIN.format(evil=evil), encoding="utf-8")
    expected = 1 if word == "fail" else 0
    for more in ([], ["--json"], ["--out", tmp_path / "a.md"], ["--out", tmp_path / "a.html"]):
        code, out, err = run("analyse", folder, "hostile", "--set", f"word={word}", *more)
        assert code == expected, err
        if expected == 0 and more == ["--json"]:
            assert parsed(out)["blocks"][0]["name"] == evil
    for file in tmp_path.glob("a.*"):
        assert not unsafe(file.read_text(encoding="utf-8"))
    run("plugin", "list")
    assert run("plugin", "check", tmp_path / "plugins" / "hostile.py")[0] in (0, 2)


WRONG = CONTROLS.replace("\0", "") + HOSTILE.replace("\0", "")


@pytest.mark.parametrize(
    "words",
    [
        [f"/nowhere{WRONG}"], ["check", f"/nowhere{WRONG}"], [f"--{WRONG}"], ["train", f"--he{WRONG}"],
        [f"chek{WRONG}"],
        ["train", ".", "--head", WRONG], ["runs", ".", WRONG], ["plugin", WRONG], ["plugin", "new", WRONG],
        ["train", ".", "--head", "linear", "--parallel", WRONG], ["analyse", ".", WRONG],
        ["report", ".", "--out", WRONG],
        ["train", ".", "--head", "linear", "--set", WRONG], ["check", os.fsdecode(b"/nowhere\xff\xfe")],
        ["check", ".", WRONG],
        ["check", "line\nworkbench: all is well"], ["plugin", "check", WRONG], ["plugin", "trust", WRONG],
    ],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_wrong_arguments(words: list[str], encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*words, encoding=encoding)
    assert code == 2, err
    assert not out
    assert sum(line.startswith(b"workbench:") for line in err.splitlines()) <= 1


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_an_encoding_that_lacks_characters(folder: Path, encoding: str) -> None:
    for words in (["check", folder], ["runs", folder], ["analyse", folder, "gap"], ["doctor"], ["analyse", "--help"]):
        code, _, err = run(*words, encoding=encoding)
        assert code == 0, err
    for words in (["check", folder], ["analyse", folder, "confusion"]):
        parsed(run(*words, "--json", encoding=encoding)[1])


def test_a_folder_whose_name_is_not_utf8(folder: Path, tmp_path: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/odd\xff"))
    odd.symlink_to(folder)
    for words in (["check"], ["runs"], ["analyse", "gap"]):
        for more in ([], ["--json"]):
            code, out, err = run(words[0], odd, *words[1:], *more)
            assert code in (0, 2), err
            if more and code == 0:
                parsed(out)
