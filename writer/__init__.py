"""The one process that writes: it takes plans over ZeroMQ, commits them in groups and tells."""
