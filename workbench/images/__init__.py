"""Images as inputs: decoding files that nobody has vouched for."""
