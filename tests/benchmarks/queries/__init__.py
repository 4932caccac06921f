"""Tests of benchmarks/queries."""
