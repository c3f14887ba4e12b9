"""What sites and server exchange."""

from enum import Enum

from nvflare.apis.fl_constant import FLMetaKey


class ParamsType(str, Enum):
    FULL = "FULL"
    DIFF = "DIFF"


class FLModelConst:
    PARAMS_TYPE = "params_type"
    PARAMS = "params"
    OPTIMIZER_PARAMS = "optimizer_params"
    METRICS = "metrics"
    CURRENT_ROUND = "current_round"
    START_ROUND = "start_round"
    TOTAL_ROUNDS = "total_rounds"
    META = "meta"


class MetaKey(FLMetaKey):
    pass


def _require_map(name, value):
    if value is not None and not isinstance(value, dict):
        raise TypeError("%s must be a dict, not %s" % (name, type(value).__name__))


def _require_round(name, value):
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("%s must be an int, not %s" % (name, type(value).__name__))
    if value < 0:
        raise ValueError("%s must not be negative, and is %d" % (name, value))


class FLModel:
    def __init__(
        self,
        params_type=None,
        params=None,
        optimizer_params=None,
        metrics=None,
        start_round=0,
        current_round=None,
        total_rounds=None,
        meta=None,
    ):
        if params_type is not None:
            params_type = ParamsType(params_type)
            if params is None:
                raise ValueError("params must be provided when params_type is %s" % params_type)
        elif params is not None:
            params_type = ParamsType.FULL
        _require_map("metrics", metrics)
        _require_map("meta", meta)
        _require_round("start_round", start_round)
        _require_round("current_round", current_round)
        _require_round("total_rounds", total_rounds)
        self.params_type = params_type
        self.params = params
        self.optimizer_params = optimizer_params
        self.metrics = metrics
        self.start_round = start_round
        self.current_round = current_round
        self.total_rounds = total_rounds
        self.meta = {} if meta is None else meta

    def summary(self):
        """What it holds, without the numbers."""
        parts = {
            "params": self.params,
            "optimizer_params": self.optimizer_params,
            "metrics": self.metrics,
            "meta": self.meta,
            "params_type": self.params_type,
            "start_round": self.start_round,
            "current_round": self.current_round,
            "total_rounds": self.total_rounds,
        }
        return {name: _short(value) for name, value in parts.items() if value}

    def __repr__(self):
        return str(self.summary())


def _short(value):
    if isinstance(value, dict):
        return len(value)
    return value if isinstance(value, (ParamsType, int)) else type(value)
