"""TrailBase's dialect: its routes, what it reads and what it writes."""
