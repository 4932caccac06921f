"""The one place where SQL text is built: quoted identifiers, bound values, plans as data."""
