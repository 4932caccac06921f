"""Tests of benchmarks/realtime."""
