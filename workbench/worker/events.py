"""What a job tells while it runs. Every event names its job; the last one is JobDone or JobFailed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from workbench.api import Block

FailureKind = Literal["bad input", "raised", "exited", "cancelled"]


@dataclass(frozen=True)
class JobStarted:
    """Its turn has come; until then it was queued."""

    job: str


@dataclass(frozen=True)
class JobProgress:
    """How far it is: `fraction` from 0 to 1, and what it does now. At most some twenty a second."""

    job: str
    fraction: float
    text: str


@dataclass(frozen=True)
class JobLog:
    """One line that the analysis logged or printed, or that a library wrote to its standard error."""

    job: str
    text: str


@dataclass(frozen=True)
class JobBlock:
    """One block of the answer."""

    job: str
    block: Block


@dataclass(frozen=True)
class JobDone:
    """The answer is complete. `params` holds every parameter as it was used; `cached` says nothing was computed."""

    job: str
    seconds: float
    cached: bool
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class JobFailed:
    """The job ended without a complete answer.

    `kind`: "bad input" (the message is for the user), "raised" (with the traceback), "exited" (its process died; the
    traceback is the end of its log), "cancelled".
    """

    job: str
    message: str
    traceback: str
    kind: FailureKind


Event = JobStarted | JobProgress | JobLog | JobBlock | JobDone | JobFailed
