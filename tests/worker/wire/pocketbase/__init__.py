"""Tests of `worker/wire/pocketbase`."""
