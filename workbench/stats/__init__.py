"""Pure numerics: arrays in, arrays out; no files, no workspace, no interface."""
