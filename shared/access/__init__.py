"""Who asks, and whether a rule even has to be evaluated for them."""
