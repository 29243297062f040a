"""The two themes of the interface: grey around the colours of `workbench.present.colours`, which mean data."""

from __future__ import annotations

from textual.theme import Theme

from workbench.present import colours

DARK = Theme(
    name="workbench-dark",
    dark=True,
    primary="#3B4B61",
    secondary="#2C3A4D",
    accent="#D7DEE8",
    foreground=colours.DARK.text,
    background=colours.DARK.background,
    surface="#151B23",
    panel="#1C242F",
    success=colours.DARK.severities["good"],
    warning=colours.DARK.severities["warning"],
    error=colours.DARK.severities["error"],
    variables={
        "muted": colours.DARK.muted,
        "faint": colours.DARK.faint,
        "strong": colours.DARK.strong,
        "rule": colours.DARK.rule,
        "cursor": "#2B3A4E",
        "footer-background": "#151B23",
        "border": "#5E7088",
        "border-blurred": "#27313E",
        "block-cursor-background": "#2B3A4E",
        "block-cursor-foreground": "#F2F5F9",
        "block-cursor-text-style": "bold",
        "input-selection-background": "#3B4B61",
        "scrollbar": "#2C3A4D",
        "scrollbar-hover": "#3B4B61",
        "scrollbar-active": "#5E7088",
        "scrollbar-background": "#10141A",
        "scrollbar-corner-color": "#10141A",
    },
)

LIGHT = Theme(
    name="workbench-light",
    dark=False,
    primary="#C9D3E0",
    secondary="#DDE4EC",
    accent="#1F2A37",
    foreground=colours.LIGHT.text,
    background=colours.LIGHT.background,
    surface="#F1F4F7",
    panel="#E7ECF1",
    success=colours.LIGHT.severities["good"],
    warning=colours.LIGHT.severities["warning"],
    error=colours.LIGHT.severities["error"],
    variables={
        "muted": colours.LIGHT.muted,
        "faint": colours.LIGHT.faint,
        "strong": colours.LIGHT.strong,
        "rule": colours.LIGHT.rule,
        "cursor": "#D5E0EE",
        "footer-background": "#F1F4F7",
        "border": "#7D8CA0",
        "border-blurred": "#D3DAE2",
        "block-cursor-background": "#D5E0EE",
        "block-cursor-foreground": "#0C131B",
        "block-cursor-text-style": "bold",
        "input-selection-background": "#C9D3E0",
        "scrollbar": "#C9D3E0",
        "scrollbar-hover": "#AAB7C7",
        "scrollbar-active": "#7D8CA0",
        "scrollbar-background": "#FAFBFC",
        "scrollbar-corner-color": "#FAFBFC",
    },
)
