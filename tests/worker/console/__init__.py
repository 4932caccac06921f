"""Tests of the SQL console, from outside."""
