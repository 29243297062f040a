"""The one layout of every screen: title line, screens, body, footer of keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget

from workbench.present.colours import Palette
from workbench.tui.shell.actions import bindings
from workbench.tui.shell.alive import AliveScreen
from workbench.tui.shell.bars import FooterBar, ScreenTabs, TitleBar
from workbench.tui.shell.bench import Bench
from workbench.tui.shell.question import Question
from workbench.tui.shell.session import Selection, Session

if TYPE_CHECKING:
    from workbench.tui.shell.jobs import Job

About = TypeVar("About")
Answer = TypeVar("Answer")


def style_beside(module: str) -> str:
    """The style of a screen: what stands in `screen.tcss` beside its module (`__file__`).

    For `DEFAULT_CSS`: when a screen with a `CSS_PATH` is first shown, Textual parses the styles of all widgets anew.
    """
    return Path(module).with_name("screen.tcss").read_text(encoding="utf-8")


class WorkbenchScreen(AliveScreen[None]):
    """Base of all screens. A subclass sets `NAME` and `HELP`, yields its widgets in `body`, and shows the session.

    Hooks: `show(session, before)` whenever the session changed while this screen is on top, and once each time it comes
    back on top after a change (`before` is None the first time); `go_back()` for what escape closes on this screen
    before it leaves it. What a screen wants to know from an analysis it asks by a `question`.
    """

    NAME: ClassVar[str] = ""
    HELP: ClassVar[str] = ""
    AUTO_FOCUS = ""

    DEFAULT_CSS = """
    WorkbenchScreen { background: $background; color: $foreground; }
    WorkbenchScreen > #body { height: 1fr; width: 1fr; }
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        if cls.__dict__.get("NAME"):
            cls.BINDINGS = [*cls.__dict__.get("BINDINGS", []), *bindings(cls.NAME)]
        super().__init_subclass__(**kwargs)

    def __init__(self) -> None:
        super().__init__()
        self._shown: Session | None = None
        self._questions: list[Question[Any, Any]] = []

    @property
    def bench(self) -> Bench:
        """The app, typed."""
        return cast("Bench", self.app)

    @property
    def session(self) -> Session:
        return self.bench.session

    @property
    def selection(self) -> Selection:
        return self.bench.session.selection

    @property
    def palette(self) -> Palette:
        return self.bench.session.palette

    def compose(self) -> ComposeResult:
        yield TitleBar()
        yield ScreenTabs(self.NAME)
        with Vertical(id="body"):
            yield from self.body()
        yield FooterBar(self.NAME, self.bench.keymap_of_user)

    def body(self) -> ComposeResult:
        """The widgets of this screen."""
        yield from ()

    def on_mount(self) -> None:
        self.sync()

    def on_screen_resume(self) -> None:
        if self.is_mounted:
            self.sync()

    def sync(self) -> None:
        """Bring the screen up to the current session, if it has changed since this screen last saw it."""
        session, before = self.session, self._shown
        if session is before:
            return
        self._shown = session
        self.query_one(TitleBar).session = session
        if before is None or session.with_(usage=before.usage) != before:  # use is told by the title alone
            self.show(session, before)

    def show(self, session: Session, before: Session | None) -> None:
        """Show the session; compare with `before` (None at first) to redraw only what changed."""

    def question(
        self, changed: Callable[[], None], read: Callable[[Job, About], Answer], *, in_thread: bool = False
    ) -> Question[About, Answer]:
        """A question of this screen, which follows its job from then on."""
        question: Question[About, Answer] = Question(self, changed, read, in_thread=in_thread)
        self._questions.append(question)
        return question

    def job_changed(self, job: Job) -> None:
        """An analysis that this screen asked for has moved on."""
        for question in self._questions:
            question.follow(job)

    def go_back(self) -> bool:
        """Close what is open on this screen (a filter, a detail); True when there was something."""
        return False

    def analyse(self, analysis: str, params: Mapping[str, Any], *, with_run: bool = True) -> Job:
        """Queue an analysis of the chosen pair and, `with_run`, the chosen run, in the name of this screen."""
        return self.bench.submit(analysis, params, owner=self.NAME, with_run=with_run)

    def focus_first(self, *selectors: str) -> None:
        """Focus the first of these that is there and visible."""
        for selector in selectors:
            for widget in self.query(selector).results(Widget):
                if widget.can_focus and widget.display:
                    widget.focus(scroll_visible=False)
                    return
