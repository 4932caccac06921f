"""Tests of `shared.schema`; those that need SQLite use APSW in memory."""
