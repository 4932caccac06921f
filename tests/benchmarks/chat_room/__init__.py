"""The parts of the benchmark of a chat room."""
