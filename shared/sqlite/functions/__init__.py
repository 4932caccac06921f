"""The SQL functions that every connection has: in migrations, CHECKs, defaults, rules and filters.

One module a family, each with a table of what it offers; `register.py` gives them to a connection.
Nothing here is interrupted by a statement's clock, so each function bounds its own input.
"""
