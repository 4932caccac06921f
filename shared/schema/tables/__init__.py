"""Tables and views that somebody else made, as this system sees them.

`introspect` reads them from a database, `definition` the parts of a CREATE TABLE that SQLite tells
nobody, `view` what types a view's columns have; `eligibility` says which may be a record API and
`json_schema` what its records look like.
"""
