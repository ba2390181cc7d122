"""Child processes: launch, supervise, reap."""
