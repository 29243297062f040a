"""Blocks as JSON objects, Markdown and self-contained HTML."""

from workbench.report.html import to_html
from workbench.report.markdown import to_markdown
from workbench.report.objects import to_object, to_objects
from workbench.report.parts import Section

__all__ = ["Section", "to_html", "to_markdown", "to_object", "to_objects"]
