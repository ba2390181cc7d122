"""Which variant occupies which memory, and who may use it."""
