"""The llama.cpp worker. Runs only in the child process; never imported by the gateway."""
