"""The Confusion screen."""
