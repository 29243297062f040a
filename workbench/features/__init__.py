"""Feature files in, a checked and memory-mapped store out."""
