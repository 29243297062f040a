"""What the app's own threads post (see `background`); the app's handlers alone change the session.

Messages of one screen or widget stand beside what posts them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from workbench.features.checks import Check
    from workbench.features.progress import IngestProgress
    from workbench.features.store import Store
    from workbench.runs import RunSnapshot
    from workbench.tui.shell.usage import Usage


@dataclass
class IngestProgressed(Message):
    """The reading of feature files has come this far."""

    progress: IngestProgress


@dataclass
class IngestWaits(Message):
    """Another process is reading the feature files; `text` says so."""

    text: str


@dataclass
class StoreOpened(Message):
    """The store is there: opened, or read for the first time; `sources_missing` when only the store is left.

    `strangers` says what else lies among the stores, left alone since the workbench did not make it.
    """

    store: Store
    was_read: bool
    sources_missing: bool = False
    strangers: str = ""


@dataclass
class StoreFailed(Message):
    """The feature files could not be read; `message` is for the user. `stopped` when the user asked to stop."""

    message: str
    stopped: bool = False


@dataclass
class ChecksMade(Message):
    """The quick checks of the data are done."""

    checks: tuple[Check, ...]


@dataclass
class DeviceFound(Message):
    """The device that training would use by default, in a word or two: `cpu`, `NVIDIA H200`."""

    device: str


@dataclass
class UsageMeasured(Message):
    """How busy the machine was since the last look."""

    usage: Usage


@dataclass
class RunsChanged(Message):
    """The runs on disk are no longer what they were. `looks` counts the evaluations on each test set."""

    runs: tuple[RunSnapshot, ...]
    looks: dict[str, int]


@dataclass
class RunStarted(Message):
    """A run was created and its process launched."""

    run: RunSnapshot


@dataclass
class RunRefused(Message):
    """A run could not be started, stopped or removed; `message` says why."""

    message: str


@dataclass
class AnalysisRequested(Message):
    """Another screen wants this analysis opened and run on the Plugins screen."""

    name: str
