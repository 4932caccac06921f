"""Collections themselves: listed, defined, changed, imported and deleted."""
