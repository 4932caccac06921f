"""Tests of `worker/wire`."""
