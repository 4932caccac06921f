"""Tests of deploy/: the shipped files, run where that is possible."""
