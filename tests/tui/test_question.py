"""A question to the worker, from asking to the answer, without an app."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from workbench.tui.shell.jobs import Job
from workbench.tui.shell.question import Question


class Asker:
    """An owner whose jobs move on only as a test says; also stands for the app and its jobs."""

    def __init__(self) -> None:
        self.submitted: dict[str, Job] = {}
        self.cancelled: list[str] = []
        self.timers: list[Callable[[], Any]] = []
        self.threads: list[Callable[[], Any]] = []
        self.states: list[str] = []
        self.question: Question[str, int] = Question(self, self.changed, self.read)  # type: ignore[arg-type]

    def state(self) -> str:
        return self.question.state

    def changed(self) -> None:
        self.states.append(self.question.state)

    def read(self, job: Job, about: str) -> int:
        if not job.blocks:
            raise ValueError(f"nothing about {about}")
        return len(job.blocks)

    @property
    def bench(self) -> Asker:
        return self

    jobs = bench

    def analyse(self, analysis: str, params: Mapping[str, Any], *, with_run: bool = True) -> Job:
        job = Job(f"j{len(self.submitted) + 1}", analysis, params, "run" if with_run else None, "here")
        self.submitted[job.id] = job
        return job

    def get(self, job_id: str) -> Job | None:
        return self.submitted.get(job_id)

    def cancel(self, job_id: str) -> None:
        self.cancelled.append(job_id)

    def set_timer(self, delay: float, callback: Callable[[], Any]) -> None:
        self.timers.append(callback)

    def run_worker(self, work: Callable[[], Any], **options: Any) -> None:
        assert options["thread"]
        self.threads.append(work)

    def call_later(self, callback: Callable[..., Any], *args: Any) -> None:
        callback(*args)

    def tell(self, job_id: str, **changes: Any) -> None:
        self.submitted[job_id] = replace(self.submitted[job_id], **changes)
        self.question.follow(self.submitted[job_id])


BLOCKS: Any = ("a block", "another")


def answered() -> Asker:
    """An owner that has the answer to its first question."""
    asker = Asker()
    asker.question.ask("one", "confusion", {})
    asker.tell("j1", state="running", fraction=0.5)
    asker.tell("j1", state="done", blocks=BLOCKS)
    return asker


def test_the_first_question_tells_its_progress_at_once() -> None:
    asker = answered()
    assert asker.states == ["working", "working", "answered"]
    assert (asker.question.answer, asker.question.about) == (2, "one")
    assert not asker.question.running


def test_the_last_answer_stays_for_a_grace_and_then_goes() -> None:
    asker = answered()
    asker.question.ask("two", "confusion", {})
    assert (asker.question.state, asker.question.answer) == ("asked", 2)
    asker.tell("j2", state="running")
    assert asker.question.state == "asked"
    asker.timers.pop()()
    assert (asker.question.state, asker.question.answer) == ("working", None)
    asker.tell("j2", state="done", blocks=BLOCKS[:1])
    assert (asker.question.state, asker.question.answer) == ("answered", 1)


def test_a_grace_that_ends_after_the_answer_changes_nothing() -> None:
    asker = answered()
    asker.question.ask("two", "confusion", {})
    asker.tell("j2", state="done", blocks=BLOCKS)
    asker.question.ask("three", "confusion", {})
    first, second = asker.timers
    first()
    assert asker.state() == "asked"
    second()
    assert asker.state() == "working"


def test_stale_news_is_dropped() -> None:
    asker = answered()
    asker.question.ask("two", "confusion", {})
    asker.question.ask("three", "confusion", {})
    assert asker.cancelled == ["j2"]  # it was still waiting for its turn
    asker.tell("j2", state="done", blocks=BLOCKS[:1])
    assert asker.question.answer == 2
    asker.question.drop()
    asker.tell("j3", state="done", blocks=BLOCKS)
    after: tuple[Any, ...] = (asker.state(), asker.question.answer, asker.question.about)
    assert after == ("idle", None, None)


def test_a_running_one_is_left_to_fill_the_cache() -> None:
    asker = answered()
    asker.question.ask("two", "confusion", {})
    asker.tell("j2", state="running")
    asker.question.ask("three", "confusion", {})
    assert asker.cancelled == []


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_failed_or_stopped_and_asked_again(state: str) -> None:
    asker = answered()
    asker.question.ask("two", "confusion", {"k": 3}, with_run=False)
    asker.question.stop()
    assert asker.cancelled == ["j2"]
    asker.tell("j2", state=state, error="no luck")
    assert (asker.question.state, asker.question.answer) == ("failed", None)
    assert asker.question.job is not None
    assert asker.question.job.error == "no luck"
    asker.question.ask_again()
    again = asker.submitted["j3"]
    assert (again.analysis, again.params, again.run_id, asker.question.about) == ("confusion", {"k": 3}, None, "two")


def test_an_answer_that_cannot_be_read_is_a_failure() -> None:
    asker = Asker()
    asker.question.ask("one", "confusion", {})
    asker.tell("j1", state="done")
    assert asker.question.state == "failed"
    assert asker.question.job is not None
    assert asker.question.job.error == "nothing about one"


def test_one_read_in_a_thread_is_dropped_when_another_was_asked_meanwhile() -> None:
    asker = Asker()
    asker.question = Question(asker, asker.changed, asker.read, in_thread=True)  # type: ignore[arg-type]
    asker.question.ask("one", "confusion", {})
    asker.tell("j1", state="done", blocks=BLOCKS)
    asker.question.ask("two", "confusion", {})
    asker.threads.pop()()
    assert (asker.question.state, asker.question.answer) == ("working", None)
    asker.tell("j2", state="done", blocks=BLOCKS)
    asker.threads.pop()()
    assert (asker.question.state, asker.question.answer) == ("answered", 2)


def test_an_answer_known_without_asking() -> None:
    asker = Asker()
    asker.question.settle("one", 5)
    assert (asker.states, asker.question.answer, asker.question.job) == (["answered"], 5, None)
    asker.question.ask_again()
    assert asker.submitted == {}
