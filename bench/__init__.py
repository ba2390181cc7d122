"""Benchmarks. Ratios within one run are what counts: machines drift by half and more."""
