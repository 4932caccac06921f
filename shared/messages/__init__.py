"""What crosses ZeroMQ between workers and writer: tagged msgpack arrays, decoded by type."""
