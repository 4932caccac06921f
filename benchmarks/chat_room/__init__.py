"""A chat room over record APIs: one user, one room, messages under a rule that asks for membership."""
