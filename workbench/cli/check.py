"""`workbench check`: errors and warnings about the data, why they matter and how to fix them."""

from __future__ import annotations

from workbench.cli.common import FOLDER, JSON, STATE, emit, make_console
from workbench.text import clean, counted, one_line


def command(folder: FOLDER, state: STATE = None, json: JSON = False) -> None:
    """Check the data in FOLDER: ranges, classes, paths, labels that do not match the features, and leakage.

    The exit code indicates whether the checks ran, not whether there were findings.
    """
    from workbench.api import Table
    from workbench.cli.answers import ask, newest_run
    from workbench.cli.common import read_store

    workspace, _ = read_store(folder, state)
    blocks, _ = ask(workspace, "checks", {}, newest_run(workspace))
    checks = next(block for block in blocks if isinstance(block, Table)).frame.to_dicts()
    if json:
        emit({"workspace": str(workspace.root), "checks": checks})
        return
    from rich.padding import Padding
    from rich.text import Text

    colours = {"error": "bold red", "warning": "bold yellow", "ok": "bold green"}
    console = make_console()
    for check in checks:
        console.print(
            Text.assemble((f"{check['severity']:<8}", colours[check["severity"]]), (clean(check["title"]), "bold"))
        )
        for words, style in ((check["saw"], ""), (check["why"], "dim"), (check["todo"], "italic")):
            if words:
                console.print(Padding(Text(one_line(words), style=style), (0, 0, 0, 8)))
    findings = sum(check["severity"] != "ok" for check in checks)
    console.print(f"{counted(findings, 'finding')} in {counted(len(checks), 'check')}", style="bold")
