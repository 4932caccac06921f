"""Tests of the HTTP layer, through a real server."""
