"""Tests of the realtime hub, alone and through a real cluster."""
