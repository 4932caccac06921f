"""The public face of Quillbase: the command line, and the names that users' programs import."""
