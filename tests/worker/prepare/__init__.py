"""Tests of `worker.prepare`."""
