"""How the process of a script talks to neuroflare: JSON, a line a message, over a Unix socket or a named pipe.

Standard library only. A process that a script starts (a rank of torchrun, a worker) connects by itself when it asks for something.
"""

import json
import os
import queue
import signal
import socket
import sys
import threading

PROTOCOL = 1
PLACE = "NEUROFLARE_CLIENT"
TOKEN = "NEUROFLARE_TOKEN"


class Refused(RuntimeError):
    """neuroflare did not take what was sent; the task has failed."""


class _Link:
    def __init__(self, place, token):
        self.pid = os.getpid()
        self.is_over = False
        self._lock = threading.Lock()
        self._replies = queue.Queue()
        self._stream = _open(place)
        threading.Thread(target=self._read, name="neuroflare", daemon=True).start()
        version = "%d.%d.%d" % sys.version_info[:3]
        self.welcome = self.ask({"type": "hello", "protocol": PROTOCOL, "token": token, "python": version})

    def tell(self, message):
        self._stream.write(json.dumps(message, allow_nan=False).encode("utf-8") + b"\n")
        self._stream.flush()

    def ask(self, message):
        with self._lock:
            self.tell(message)
            return self._replies.get()

    def _read(self):
        try:
            for line in self._stream:
                self._replies.put(json.loads(line))
        except OSError:
            pass
        # Nobody is there any more to take an answer: a process that goes on computing would stay for ever, and what it started with it.
        if not self.is_over:
            _end_group()


def _open(place):
    if sys.platform == "win32":
        return open(place, "r+b", buffering=0)
    stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    stream.connect(place)
    return stream.makefile("rwb")


def _end_group():
    if sys.platform == "win32":
        os._exit(1)
    os.kill(0, signal.SIGKILL)


_link = None


def link():
    """The link of this process. Raises RuntimeError where neuroflare did not start it."""
    global _link
    if _link is None or _link.pid != os.getpid():
        place = os.environ.get(PLACE)
        if not place:
            raise RuntimeError(
                "This script was not started by neuroflare. Run it as part of a job: neuroflare simulate JOB"
            )
        _link = _Link(place, os.environ.get(TOKEN, ""))
    return _link


def is_linked():
    return bool(os.environ.get(PLACE))
