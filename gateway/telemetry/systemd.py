"""sd_notify: tells systemd that the gateway is ready, alive or stopping. Silent everywhere else."""

import os
import socket


def notify(state: str) -> None:
    """Sends ``READY=1``, ``WATCHDOG=1`` or ``STOPPING=1`` to the socket systemd named, if it named one."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address or address[0] not in "/@":
        return
    target = "\0" + address[1:] if address[0] == "@" else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.connect(target)
            channel.sendall(state.encode())
    except OSError:
        return
