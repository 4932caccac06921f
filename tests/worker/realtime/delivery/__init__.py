"""Tests of `worker.realtime.delivery`."""
