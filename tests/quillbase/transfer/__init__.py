"""`quillbase import` and `quillbase export` of plain files."""
