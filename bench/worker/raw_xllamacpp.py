"""The server of xllamacpp as its documents start it. Arguments: model, port, slots, context, threads (0 is its own)."""

import sys

import xllamacpp

model, port, slots, context, threads = sys.argv[1], *map(int, sys.argv[2:6])
params = xllamacpp.CommonParams()
params.model.path = model
params.hostnames = ["127.0.0.1"]
params.port = port
params.n_parallel = slots
params.n_ctx = context
params.verbosity = 1
if threads:
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
server = xllamacpp.Server(params)
print("ready", flush=True)
sys.stdin.read()
