"""The diffusers worker: runs only in the child process, in the engine's own environment."""
