"""Trains the small text-to-image model that comes with Forebay. Runs in the diffusers engine's environment."""
