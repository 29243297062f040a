"""The state of the interface: one immutable `Session`, replaced as a whole, held by the app, read by every screen."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from workbench.present.colours import Palette

if TYPE_CHECKING:
    from workbench.features.checks import Check
    from workbench.features.progress import IngestProgress
    from workbench.features.store import Store
    from workbench.runs import RunSnapshot
    from workbench.tui.shell.usage import Usage
    from workbench.workspace import Workspace

Phase = Literal["opening", "reading", "ready", "stopped", "failed"]


@dataclass(frozen=True)
class Selection:
    """What the user has gone into; shared by all screens.

    `true` alone is a class, `true` with `predicted` a confusion cell (both class indices). `row` is a sample of
    `split`; `feature` an index into the feature names.
    """

    split: str | None = None
    true: int | None = None
    predicted: int | None = None
    row: int | None = None
    feature: int | None = None

    def with_(self, **changes: Any) -> Selection:
        return replace(self, **changes)


@dataclass(frozen=True)
class Session:
    """All that the screens show, as of now."""

    workspace: Workspace
    phase: Phase = "opening"
    progress: IngestProgress | None = None  # while phase is "reading"
    waiting: str = ""  # what the opening waits for, while another process reads
    error: str = ""  # why phase is "failed"
    store: Store | None = None
    sources_missing: bool = False  # the feature files are gone; the store that was read from them is used
    checks: tuple[Check, ...] | None = None  # None until they were made
    looks: dict[str, int] = field(default_factory=dict)  # test set: how often it was evaluated on
    pair: tuple[str, ...] = ()  # the two test sets compared; fewer when the workspace has fewer
    runs: tuple[RunSnapshot, ...] | None = None  # newest first; None until they were listed
    run_id: str | None = None
    run_pinned: bool = False  # the user chose the run; otherwise the newest finished one is followed
    selection: Selection = Selection()
    device: str = ""
    usage: Usage | None = None  # None until the machine was looked at
    dark: bool = True

    @property
    def run(self) -> RunSnapshot | None:
        """The chosen run."""
        return next((run for run in self.runs or () if run.id == self.run_id), None)

    @property
    def palette(self) -> Palette:
        """The colours under the current theme and pair."""
        return Palette(self.dark, self.pair)

    @property
    def ready(self) -> bool:
        return self.phase == "ready" and self.store is not None

    def with_(self, **changes: Any) -> Session:
        return replace(self, **changes)
