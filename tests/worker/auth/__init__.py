"""Tests of `worker/auth`."""
