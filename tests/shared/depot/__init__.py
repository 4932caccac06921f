"""The depot's own files: where they lie, how they are replaced, which version wrote them."""
