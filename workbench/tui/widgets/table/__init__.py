"""Tables over Polars frames of any length."""
