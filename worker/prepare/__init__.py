"""The preparation of a depot: its config and its migrations, before workers may serve it."""
