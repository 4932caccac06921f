"""Clients: their bounded queues, and the bytes that events become for each transport."""
