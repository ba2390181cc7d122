"""Engine virtual environments, made from lock files."""
