"""Settings at work: files and environment become rows of the catalog, and changes become files."""
