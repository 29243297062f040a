"""The form behind Neighbours: whose neighbours, in which split, how many, by which distance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from workbench import plugins
from workbench.errors import BadInput
from workbench.tui.screens.neighbours.content import Query
from workbench.tui.shell.dialogs import Dialog
from workbench.tui.shell.session import Session
from workbench.tui.widgets.form import Field, Form


class QueryDialog(Dialog):
    """The parameters of the analysis as a form; `then` gets the values, and refuses them by raising BadInput."""

    DEFAULT_CSS = """
    QueryDialog > #box { width: 78; }
    QueryDialog #refused { height: auto; width: 1fr; color: $error; text-style: bold; }
    """

    def __init__(self, session: Session, query: Query, then: Callable[[dict[str, Any]], None]) -> None:
        super().__init__()
        self._session = session
        self._query = query
        self._then = then

    def compose(self) -> ComposeResult:
        info = plugins.find(self._session.workspace, "neighbours")
        store = self._session.store
        assert store is not None
        params = self._query.params
        box = Vertical(id="box")
        box.border_title = "Neighbours of"
        box.border_subtitle = "enter searches, escape closes"
        with box:
            yield Form(
                {setting.name: setting for setting in info.settings or () if setting.name in params},
                params,
                offers={"split": list(store.splits)},
                palette=self._session.palette,
            )
            yield Static(id="refused", markup=False)

    def on_mount(self) -> None:
        for field in self.query(Field):
            if field.setting.name == "row":
                field.focus_entry()

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        refused = self.query_one("#refused", Static)
        try:
            self._then(event.form.values())
        except BadInput as error:
            refused.update(str(error))
        else:
            self.dismiss(None)
