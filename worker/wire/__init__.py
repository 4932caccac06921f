"""The wire dialects: each owns only its two ends, decode and encode."""
