"""Tests of the filter and rule language."""
