"""Record APIs: tables and views of anybody's making, served with the permissions of the settings.

`catalog` has the APIs of the present settings and schema, `build` makes one of an entry, `rules`
judges its SQL; `read` is what the GET requests do. Who asks, and in which words, is none of its
business.
"""
