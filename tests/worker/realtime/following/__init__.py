"""Tests of `worker.realtime.following`."""
