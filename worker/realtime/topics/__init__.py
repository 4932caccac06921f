"""Topics: what a client asks to hear, how it is written, and what that may cost."""
