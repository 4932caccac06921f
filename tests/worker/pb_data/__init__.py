"""Tests of the import of PocketBase's data folders."""
