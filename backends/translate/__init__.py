"""Pure functions and stream state machines between dialects and model formats. No I/O."""
