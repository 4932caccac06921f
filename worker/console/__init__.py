"""The SQL console: statements of superusers, read on a worker and written through the writer."""
