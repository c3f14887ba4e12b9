"""A trainer of PyTorch Lightning that trains the received model and sends what comes of it."""

from .api import FLCallback as FLCallback
from .api import patch as patch

__path__ = __import__("pkgutil").extend_path(__path__, __name__)
