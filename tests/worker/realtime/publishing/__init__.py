"""Tests of `worker.realtime.publishing`."""
