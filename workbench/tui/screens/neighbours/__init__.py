"""The Neighbours screen."""
