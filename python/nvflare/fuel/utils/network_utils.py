"""Free ports of this machine."""

import socket


def get_open_ports(number):
    """All are held until the last is found, so that no two are the same."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(number)]
    try:
        for one in sockets:
            one.bind(("", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def get_local_addresses(number, host_name=None):
    return ["%s:%d" % (host_name or "127.0.0.1", port) for port in get_open_ports(number)]
