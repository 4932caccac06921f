"""Migrations: files that change a database's schema and data, each applied once, whole or not at all."""
