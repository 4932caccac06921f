"""Statements of the SQL console: what they may do, and running one within its bounds."""
