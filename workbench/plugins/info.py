"""What is known of one analysis before it is imported."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from workbench.plugins.sources import Sources
from workbench.settings import Setting

Source = Literal["built-in", "shipped", "entry point", "user", "workspace"]
Verdict = Literal["trusted", "new", "changed", "by path"]

WHY_NOT: dict[Verdict, str] = {
    "trusted": "",
    "new": "it is not trusted yet",
    "changed": "it has changed since it was trusted",
    "by path": "it was trusted by its path only, which is no longer valid: trust applies to the contents of each file",
}


@dataclass(frozen=True)
class PluginInfo:
    """One analysis, or one file that should define an analysis but is not usable.

    `settings` are its parameters, None when they cannot be read without running the file. `error` says why it is
    disabled, empty if it is usable. `verdict` differs from "trusted" for code of a workspace that is not
    trusted in its current state. `target` is what an entry point names, `module:Class`. `sources` are the files
    as they were read; the analysis is imported from these, not from the disk.
    """

    name: str
    title: str
    doc: str
    source: Source
    path: Path | None
    class_name: str = ""
    settings: tuple[Setting, ...] | None = ()
    needs_run: bool = False
    verdict: Verdict = "trusted"
    error: str = ""
    target: str = ""
    sources: Sources | None = field(default=None, repr=False, compare=False)

    @property
    def trusted(self) -> bool:
        return self.verdict == "trusted"

    @property
    def usable(self) -> bool:
        return self.trusted and not self.error

    @property
    def origin(self) -> str:
        """Where it comes from, in words."""
        return f"{self.source} {self.path}" if self.path else self.source
