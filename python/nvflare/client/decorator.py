"""Decorators of nvflare, deprecated there."""

import functools
from inspect import signature

from nvflare.app_common.abstract.fl_model import FLModel

from .api import is_train, receive, send
from .context import warn_deprecated

_before = {"metrics": None}


def _call(function, args, kwargs, model):
    first = next(iter(signature(function).parameters))
    return function(*args[1:], **{**kwargs, first: model})


def _decorator(function, handle):
    """Calls the function with each received model, and has what it returns handled."""

    def decorated(wrapped):
        @functools.wraps(wrapped)
        def wrapper(*args, **kwargs):
            found = _call(wrapped, args, kwargs, receive())
            if found is None:
                raise RuntimeError("return value is None!")
            handle(found)
            return found

        return wrapper

    return decorated if function is None else decorated(function)


def train(_func=None, **_options):
    """The received model is the first argument; what is returned, an FLModel, is sent."""
    warn_deprecated("@flare.train is deprecated: use flare.receive and flare.send")

    def handle(found):
        if not isinstance(found, FLModel):
            raise RuntimeError("return value needs to be an FLModel.")
        if _before["metrics"] is not None:
            found.metrics = _before["metrics"]
            _before["metrics"] = None
        send(found)

    return _decorator(_func, handle)


def evaluate(_func=None, **_options):
    """Called before the training: its figures go with the trained model. In a task that only scores they are sent alone."""
    warn_deprecated("@flare.evaluate is deprecated: use flare.receive and flare.send")

    def handle(found):
        if is_train():
            _before["metrics"] = found
        else:
            send(FLModel(metrics=found))

    return _decorator(_func, handle)
