"""`quillbase import pocketbase`: a data folder of PocketBase becomes a depot."""
