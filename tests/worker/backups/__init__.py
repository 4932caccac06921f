"""Backups: made under load, checked, and restored."""
