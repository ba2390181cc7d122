"""A process that holds so many bytes of a card, or of host RAM, and nothing else: ``python holder.py cpu|cuda BYTES``.

Says ``held`` once it has them and ends when its input does. Through the driver's own library: no framework is needed.
"""

import ctypes
import sys


def hold_host(size: int) -> object:
    """Pages are written, so that they are really there."""
    return bytearray(b"\1" * size)


def hold_card(size: int) -> object:
    """On the first card that this process may see."""
    cuda = ctypes.CDLL("libcuda.so.1")
    context, pointer = ctypes.c_void_p(), ctypes.c_uint64()
    _done(cuda.cuInit(0))
    _done(cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), 0))
    _done(cuda.cuCtxSetCurrent(context))
    _done(cuda.cuMemAlloc_v2(ctypes.byref(pointer), ctypes.c_size_t(size)))
    return pointer


def _done(status: int) -> None:
    if status:
        sys.exit(f"CUDA driver: error {status}")


if __name__ == "__main__":
    held = hold_card(int(sys.argv[2])) if sys.argv[1] == "cuda" else hold_host(int(sys.argv[2]))
    print("held", flush=True)
    sys.stdin.read()
