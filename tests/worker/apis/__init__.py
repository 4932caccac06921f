"""Tests of worker.catalog."""
