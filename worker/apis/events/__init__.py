"""Events of record APIs: what changed in their tables, judged and shaped by the SQL of a read."""
