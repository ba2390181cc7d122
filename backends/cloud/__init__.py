"""Cloud providers: what they are called, how they are reached, what their answers mean. Nothing here decides to ask."""
