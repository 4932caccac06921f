"""A data folder of PocketBase, made into a depot."""
