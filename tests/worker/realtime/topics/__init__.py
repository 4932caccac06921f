"""Tests of `worker.realtime.topics`."""
