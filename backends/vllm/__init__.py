"""vLLM: typed arguments, command line, memory and states of sleep. Never imported in the engine's process."""
