"""Collections and their typed fields: what they are, how they are defined, and their tables.

Pure: nothing here opens a database, compiles a rule or knows a wire dialect's routes.
"""
