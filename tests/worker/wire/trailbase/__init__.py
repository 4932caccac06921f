"""Tests of `worker/wire/trailbase`."""
