"""What an import costs, and what everybody else notices of it."""
