"""The public face of Quillbase: the command line."""
