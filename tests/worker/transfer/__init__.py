"""Records in and out of plain files."""
