"""The filter and rule language: text in, a tree of comparisons out. It knows no schema and no SQL."""
