"""Tests of what a statement of the SQL console may do, on plain connections."""
