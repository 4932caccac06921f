"""Records in and out of a collection as plain files: CSV, JSON, JSON lines, SQL."""
