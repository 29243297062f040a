"""Analyses that anyone can add: where they come from, which code may run, and how it is imported."""

from workbench.plugins.differences import Change, changes
from workbench.plugins.discovery import discover, find, folders, in_workspace, read_file, signature
from workbench.plugins.info import WHY_NOT, PluginInfo, Source, Verdict
from workbench.plugins.loading import fingerprint, load, own_fingerprint
from workbench.plugins.manifest import NAME, NotAnAnalysis
from workbench.plugins.trust import Review, is_trusted, review, trust

__all__ = [
    "NAME",
    "WHY_NOT",
    "Change",
    "NotAnAnalysis",
    "PluginInfo",
    "Review",
    "Source",
    "Verdict",
    "changes",
    "discover",
    "find",
    "fingerprint",
    "folders",
    "in_workspace",
    "is_trusted",
    "load",
    "own_fingerprint",
    "read_file",
    "review",
    "signature",
    "trust",
]
