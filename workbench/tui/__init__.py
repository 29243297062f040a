"""The terminal interface. Nothing below this package imports Textual."""
