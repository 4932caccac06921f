"""Realtime under load: fan-out, watched writes, slow clients, and a storm of resuming ones."""
