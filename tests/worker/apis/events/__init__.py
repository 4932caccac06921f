"""Tests of the events of record APIs."""
