"""The SQLite driver (APSW): how connections are opened, and what its failures mean."""
