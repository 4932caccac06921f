"""Tests of `worker/records`."""
