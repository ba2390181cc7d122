"""Model profiles: load, check, resolve. Never does network I/O."""
