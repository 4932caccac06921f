"""Tests of benchmarks/: that the harness measures what it says. None asserts a timing."""
