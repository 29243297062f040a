"""Widgets that any screen may use. They get data, never the session's parts they do not show."""
