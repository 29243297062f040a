"""The Plugins screen."""
