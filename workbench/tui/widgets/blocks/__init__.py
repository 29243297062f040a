"""Blocks as widgets: one widget a kind of block, and the container that shows them one under the other."""

from workbench.tui.widgets.blocks.container import WIDGETS, Blocks, block_widget

__all__ = ["WIDGETS", "Blocks", "block_widget"]
