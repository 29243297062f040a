"""What arrives after its screen or widget is gone is dropped: one place for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textual import events
from textual.errors import NoWidget
from textual.geometry import Offset, Region
from textual.message import Message
from textual.message_pump import MessagePump
from textual.screen import Screen, ScreenResultType
from textual.widget import Widget

# Textual's own `messages` (prune, close, lay out) and events such as mounting go their way to the end.
EVENTS = (
    events.InputEvent, events.Callback, events.Timer, events.Mount, events.Resize, events.ScreenResume, events.Focus,
    events.Blur, events.DescendantFocus, events.DescendantBlur,
)  # fmt: skip


def is_news(message: Message) -> bool:
    """Whether a message asks for work (a key, a callback, a worker's answer) and does not belong to closing down."""
    if isinstance(message, events.Event):
        return isinstance(message, EVENTS)
    return type(message).__module__ != "textual.messages"


class Alive(MessagePump):
    """Mixin of screens and widgets: handles nothing more once it, or the app, is on its way out.

    Messages wait in the queue of the widget that they are for. When it is removed, or the app is left, its children may
    be gone before the queue is empty, and a handler that looks for one of them would end the interface. Threads reach
    a widget through that queue alone: by `post_message`, or by `call_later`, which posts a callback. A handler that
    awaits asks `gone` before it goes on.
    """

    _pruning: bool  # of every node of the DOM

    @property
    def gone(self) -> bool:
        """Whether this is being removed, or was, or the app is being left."""
        return self._pruning or self._closing or not self.is_attached

    def check_message_enabled(self, message: Message) -> bool:
        return super().check_message_enabled(message) and not (is_news(message) and self.gone)

    async def _dispatch_message(self, message: Message) -> None:
        if not (is_news(message) and self.gone):
            await super()._dispatch_message(message)


class Pointed(Alive):
    """Mixin of lists and tables: the pointer over a line that was drawn and is gone since does nothing."""

    def holds(self, meta: Mapping[str, Any]) -> bool:
        """Whether what was drawn with this `meta` is still there."""
        raise NotImplementedError

    async def on_event(self, event: events.Event) -> None:
        if not isinstance(event, events.MouseEvent) or self.holds(event.style.meta):
            await super().on_event(event)


class AliveScreen(Alive, Screen[ScreenResultType]):
    """A screen whose pointer finds no widget that was drawn and is gone since."""

    def get_widget_at(self, x: int, y: int) -> tuple[Widget, Region]:
        """The widget under a cell, and its region; raises NoWidget."""
        widget, region = super().get_widget_at(x, y)
        if not widget.is_attached:
            raise NoWidget(f"the widget at {x}, {y} is gone")
        return widget, region

    def get_widget_and_offset_at(self, x: int, y: int) -> tuple[Widget | None, Offset | None]:
        """The widget under a cell, and the place in its text; None where there is none."""
        widget, offset = super().get_widget_and_offset_at(x, y)
        return (widget, offset) if widget is not None and widget.is_attached else (None, None)
