"""The built-in analyses: one file each, written against `workbench.api` like any plugin. The files are the registry."""
