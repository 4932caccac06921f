"""Tests of `worker.realtime.clients`."""
