"""Collections as record APIs: each is one of its own name, under its own rules and fields."""
