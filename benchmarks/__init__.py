"""Measures Quillbase against the barest app of its own stack, and against any other server."""
