"""Collections as record APIs and record APIs as collections, on one server."""
