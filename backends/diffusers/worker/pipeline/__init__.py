"""Everything that touches torch and diffusers. Runs in one thread of the worker process."""
