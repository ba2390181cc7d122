"""Documents that clients send with a conversation, as text."""
