"""The Divergence screen."""
