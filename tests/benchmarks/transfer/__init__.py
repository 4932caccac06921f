"""The parts of the benchmark of imports."""
