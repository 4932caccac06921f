"""Tests of `worker.migrations`."""
