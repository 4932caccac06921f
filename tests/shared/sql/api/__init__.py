"""Tests of `shared/sql/api`."""
