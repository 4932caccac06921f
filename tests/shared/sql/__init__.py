"""Tests of the SQL that is built, by running it."""
