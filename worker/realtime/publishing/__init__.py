"""Publishing: messages on custom topics."""
