"""The scheduler on a virtual clock: what a machine would do with a day of requests. Runs nothing, waits for nothing."""
