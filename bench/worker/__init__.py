"""The llama.cpp worker against xllamacpp's server and ``python -m llama_cpp.server``, on one model in one run."""
