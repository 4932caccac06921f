"""The settings of a depot: each declared once, read from `config.textproto` and the environment."""
