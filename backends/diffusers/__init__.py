"""The diffusers engine: pictures and clips by one worker process a variant."""
