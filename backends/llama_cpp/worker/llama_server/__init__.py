"""The second runtime: llama.cpp's own server from the xllamacpp wheel, in a child process behind our front."""
