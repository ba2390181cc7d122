"""Reading tool calls out of generated text, and forcing them, by model family."""
