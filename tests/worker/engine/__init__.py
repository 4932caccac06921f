"""Tests of the engine's worker side, against a real writer process."""
