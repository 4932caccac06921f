"""Records and collections: admit, plan, run; the same for every wire dialect."""
