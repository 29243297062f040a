"""Files of strangers: nothing in them keeps the listing waiting, ends the process, or goes without a reason."""

import os
import time

import pytest

from tests.unit.plugins.plugin_files import drop, minimal
from workbench import plugins
from workbench.plugins import manifest, sources
from workbench.plugins.manifest import read_analyses
from workbench.plugins.sources import visible
from workbench.workspace import shipped


def listed(workspace):
    return {info.path.name: info for info in plugins.discover(workspace) if info.path and info.source == "workspace"}


def nested_bases(count):
    """Each class derives from the two before it: 2 ** count ways up."""
    lines = ["class A0: pass", "class A1(A0): pass"]
    lines += [f"class A{n}(A{n - 1}, A{n - 2}): pass" for n in range(2, count)]
    return "\n".join(lines) + "\n"


def test_nested_bases_are_read_in_linear_time():
    chain = nested_bases(4000) + "class Last(A3999, Analysis):\n    name = 'last'\n    def run(self): ...\n"
    started = time.process_time()
    (found,) = read_analyses(chain)
    assert found.name == "last"
    every = [f"class A{n}({', '.join(f'A{m}' for m in range(max(0, n - 40), n))}): pass" for n in range(800)]
    with pytest.raises(manifest.NotAnAnalysis, match="no subclass"):
        read_analyses("\n".join(every))
    assert time.process_time() - started < 2


def test_attributes_come_from_the_nearest_base():
    text = (
        "class Base(Analysis):\n    title = 'base'\n    def run(self): ...\n"
        "class Other:\n    title = 'other'\n    needs_run = True\n"
        "class Mine(Base, Other):\n    name = 'mine'\n"
    )
    (found,) = read_analyses(text)
    assert (found.title, found.needs_run, found.error) == ("base", True, "")


HOSTILE = {
    "statements": "a;" * (120 << 10),
    "items": "x = [" + "1," * (120 << 10) + "]",
    "brackets": "x = " + "(" * 5000 + ")" * 5000,
    "signs": "x = " + "-" * 200_000 + "1",
    "attributes": "x = a" + ".a" * 100_000,
    "powers": "x = " + "**".join(["1"] * 50_000),
    "indents": "".join(f"{' ' * n}if 1:\n" for n in range(99)) + " " * 99 + "x = 1",
    "laughs": "a0 = ('x', 'x')\n" + "\n".join(f"a{n} = (a{n - 1}, a{n - 1})" for n in range(1, 60)),
    "bases": nested_bases(5000),
    "number": "x = " + "9" * 100_000,
    "union": "class A(Analysis):\n  name = 'a'\n  class Params:\n    x: " + "|".join(["int"] * 20_000) + " = 1",
    "classes": "".join(f"class C{n}(Analysis):\n  name = 'c{n}'\n" for n in range(2000)),
    "strings": "x = " + "'a' " * 60_000,
    "formatted": "x = " + "f'{" * 150 + "1" + "}'" * 150,
}


@pytest.mark.parametrize("kind", list(HOSTILE))
def test_each_hostile_file_is_set_aside_soon_and_the_others_are_read(workspace, kind):
    folder = workspace.root / "plugins"
    drop("hostile", HOSTILE[kind], folder)
    drop("sound", minimal("sound"), folder)
    started = time.monotonic()
    found = listed(workspace)
    assert time.monotonic() - started < 15  # of which one second of a processor for the file
    assert found["hostile.py"].error
    assert (found["sound.py"].name, found["sound.py"].error) == ("sound", "")


def test_a_text_that_takes_long_or_ends_its_reader_costs_only_itself(workspace, monkeypatch):
    """Stands for what the parser of some version of Python cannot take: the reader hangs, dies or eats memory."""
    folder = workspace.root / "plugins"
    root = str(shipped("plugins").parent)
    for name, work in (
        ("hangs", "while True: pass"),
        ("dies", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"),
        ("eats", "x = bytearray(1 << 40)"),
    ):
        drop(name, minimal(name) + f"# {work}\n", folder)
    drop("sound", minimal("sound"), folder)
    monkeypatch.setattr(plugins.reader, "START", START.format(root=root))
    found = listed(workspace)
    assert found["hangs.py"].error == "reading it takes longer than 1 s"
    assert "nested too deeply, or too large" in found["dies.py"].error
    assert "not readable as Python" in found["eats.py"].error
    assert found["sound.py"].error == ""


START = """
import sys
sys.path.append({root!r})
from workbench.plugins import manifest, reader
parse = manifest.ast.parse
def work(text):
    exec(text.strip().splitlines()[-1].removeprefix("# ") if text.strip().splitlines()[-1][0] == "#" else "")
    return parse(text)
manifest.ast.parse = work
reader.main()
"""


def test_all_files_of_a_folder_share_a_time(workspace, monkeypatch):
    folder = workspace.root / "plugins"
    monkeypatch.setattr(plugins.reader, "FOLDER_SECONDS", 0.0)
    drop("late", minimal("late"), folder)
    assert "took too long" in listed(workspace)["late.py"].error
    monkeypatch.undo()
    assert listed(workspace)["late.py"].error == ""


def test_what_is_not_a_regular_file_of_text_is_told_without_waiting(workspace):
    folder = workspace.root / "plugins"
    drop("sound", minimal("sound"), folder)
    os.mkfifo(folder / "pipe.py")
    (folder / "folder.py").mkdir()
    drop("latin", "x = 'é'".encode("latin-1"), folder)
    drop("nulls", "x\0", folder)
    with (folder / "huge.py").open("wb") as file:
        file.truncate(1 << 40)  # sparse
    drop("long", minimal("long") + "#" * manifest.LARGEST, folder)
    (folder / "a\x1b[2J\n\u202eb.py").write_text(minimal("escape"))
    (folder / "two.dots.py").write_text(minimal("dots"))
    os.close(os.open(os.fsencode(folder) + b"/bytes\xff.py", os.O_CREAT))
    found = listed(workspace)
    assert {name: info.error for name, info in found.items()} == {
        "sound.py": "",
        "pipe.py": "it is not a regular file",
        "folder.py": "it is not a regular file",
        "latin.py": "line 1: byte 0xe9 is not UTF-8; save it as UTF-8",
        "nulls.py": found["nulls.py"].error,
        "huge.py": "larger than 2 MiB",
        "long.py": "larger than 256 KiB; move parts of it into a module next to it",
        "a\\x1b[2J\n\\u202eb.py": "its name contains invisible characters; rename it",
        "bytes\\udcff.py": "its name contains invisible characters; rename it",
        "two.dots.py": "its name has a dot before .py; rename it",
    }
    assert "null bytes" in found["nulls.py"].error


def test_a_device_is_not_read_through_a_link_of_the_user():
    folder = drop("sound", minimal("sound")).parent
    (folder / "zeros.py").symlink_to("/dev/zero")
    found = {info.path.name: info for info in plugins.discover() if info.path and info.source == "user"}
    assert found["zeros.py"].error == "it is not a regular file"
    assert found["sound.py"].usable


def test_too_many_files_or_too_deep_ones_are_told(workspace, monkeypatch):
    folder = workspace.root / "plugins"
    deep = folder
    for level in range(sources.DEEPEST + 2):
        deep = deep / f"p{level}"
        drop("__init__", "", deep)
    drop("sound", minimal("sound"), folder)
    found = listed(workspace)
    assert "nested more than" in next(info.error for name, info in found.items() if name.startswith("p"))
    assert found["sound.py"].error == ""
    monkeypatch.setattr(sources, "MOST_FILES", 3)
    assert "more than 3 Python files" in listed(workspace)["plugins"].error
    monkeypatch.undo()
    monkeypatch.setattr(sources, "MOST_ENTRIES", 1)
    assert "contains more than" in listed(workspace)["plugins"].error
    monkeypatch.undo()
    monkeypatch.setattr(sources, "MOST_BYTES", 10)
    assert "together" in listed(workspace)["plugins"].error


def test_a_file_and_a_package_of_one_name_are_not_confused(workspace):
    folder = workspace.root / "plugins"
    drop("local", minimal("local"), folder)
    drop("__init__", minimal("other"), folder / "local")
    assert "package of the same name" in listed(workspace)["local.py"].error


def test_odd_parameters_are_left_to_the_code(workspace):
    for odd in ("choices=(1, 2)", "ge='x'", "ge=(1,)", "choices=5", "nothing=1", "**{}", "choices=((1,), (2,))"):
        text = minimal("local").replace("    mark", f"    class Params:\n        top: int = param(1, {odd})\n    mark")
        (found,) = read_analyses(text)
        assert found.settings is None, odd
        assert found.error == ""


def test_what_declarations_hold_can_be_printed_and_is_short():
    text = minimal("local").replace("    mark", "    title = 'a\\ud800' + ''\n    title = '\\ud800b' \n    mark")
    text = text.replace("A(Analysis):\n", f"A(Analysis):\n    {'d' * 20_000!r}\n")
    (found,) = read_analyses(text)
    found.title.encode()
    assert len(found.doc) < 11_000
    assert found.doc.endswith(" ...")


def test_invisible_characters_are_written_as_escapes():
    assert visible("a\tb\nc é 漢") == "a\tb\nc é 漢"
    assert visible("\x1b\u200b\u202e\u2028\ufe0f\u3164\ufeff\xa0\U000e0100") == (
        "\\x1b\\u200b\\u202e\\u2028\\ufe0f\\u3164\\ufeff\\xa0\\U000e0100"
    )
