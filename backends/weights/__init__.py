"""Weights: file headers, sources, pulling, verification."""
