"""A worker: serves HTTP and realtime from read-only connections, and plans writes for the writer."""
