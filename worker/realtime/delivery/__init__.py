"""Delivery: from a row of the log to the queues of all who may hear of it, each once."""
