"""Tests of `worker.realtime.views`."""
