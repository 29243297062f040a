"""The command palette: every action of the table that works on the screen on show."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from workbench.tui.actions import actions_of, keys_of, shown_key
from workbench.tui.screens.base import WorkbenchScreen

if TYPE_CHECKING:
    from workbench.tui.actions import Action
    from workbench.tui.app import WorkbenchApp


class ActionsProvider(Provider):
    """Searches the table of actions by title and help."""

    def _entries(self) -> list[tuple[str, Action]]:
        app = cast("WorkbenchApp", self.app)
        screen = self.screen
        if not isinstance(screen, WorkbenchScreen):
            return []
        hidden = ("palette", "deeper", "next-part")
        entries = []
        for action in actions_of(screen.NAME):
            if action.id not in hidden:
                key = shown_key(keys_of(action, app.keymap_of_user)[0])
                entries.append((f"{action.title[:1].upper()}{action.title[1:]}  ({key})", action))
        return entries

    async def _call(self, action: Action) -> None:
        await self.app.run_action(action.action, default_namespace=self.screen)

    async def discover(self) -> Hits:
        for title, action in self._entries():
            yield DiscoveryHit(title, partial(self._call, action), help=action.help)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for title, action in self._entries():
            score = max(matcher.match(title), matcher.match(action.help) * 0.8)
            if score > 0:
                yield Hit(score, matcher.highlight(title), partial(self._call, action), help=action.help)
