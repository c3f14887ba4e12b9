"""The tasks of this site, one after another, from the side of the script."""

import os
import sys
import warnings

import neuroflare_arrays
from neuroflare_link import Refused, link

from nvflare.app_common.abstract.fl_model import FLModel, ParamsType
from nvflare.app_common.app_constant import AlgorithmConstants

TRAIN = "train"
EVALUATE = "validate"
SUBMIT_MODEL = "submit_model"
WEIGHT = "NUM_STEPS_CURRENT_ROUND"


class Context:
    """Rank 0 alone talks to neuroflare; other ranks of the same script receive None and send nothing."""

    def __init__(self, rank):
        self.rank = rank
        self._task = None
        self._model = None
        self._is_received = False
        self._is_over = False
        self._has_warned = False
        if self.is_speaker:
            self.welcome = link().welcome
        else:
            self.welcome = {"job_id": "", "site_name": "", "exchange": {}}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.shutdown()

    @property
    def is_speaker(self):
        return self.rank == "0"

    def shutdown(self):
        self._forget()
        self._is_over = True

    def require_speaker(self, call):
        if not self.is_speaker:
            raise RuntimeError("only rank 0 can call %s!" % call)

    def is_running(self):
        """Waits until there is a task, or the job is over."""
        return self.is_speaker and self._next(None)

    def task_name(self):
        self.require_speaker("get_task_name")
        if self._task is None and not self._next(None):
            return ""
        return self._task["name"]

    def receive(self, timeout=None):
        if not self.is_speaker or not self._next(timeout):
            return None
        self._is_received = True
        if self._model is None:
            self._model = self._read_model()
        return self._model

    def send(self, model, clear_cache=True):
        if not isinstance(model, FLModel):
            raise TypeError("model needs to be an instance of FLModel, and is %s" % type(model).__name__)
        if not self.is_speaker or self._is_over:
            return
        if self._task is None or not self._is_received:
            raise RuntimeError('"receive" needs to be called before sending model!')
        if model.params is None and model.metrics is None:
            raise RuntimeError("the model to send does not have either params or metrics")
        self._answer(model)
        if clear_cache:
            received = self._model
            self._forget()
            for one in (model, received):
                if one is not None:
                    one.params = None
                    one.optimizer_params = None

    def clear(self):
        self._forget()

    def log(self, key, value, data_type, writer, step, more):
        self.require_speaker("log")
        kind = getattr(data_type, "value", data_type)
        link().tell(
            {
                "type": "log",
                "key": str(key),
                "value": neuroflare_arrays.plain(value),
                "kind": str(kind),
                "writer": str(getattr(writer, "value", writer)),
                "step": neuroflare_arrays.plain(step),
                "more": neuroflare_arrays.plain(more),
            }
        )

    def _forget(self):
        self._task = None
        self._model = None
        self._is_received = False

    def _next(self, timeout):
        if self._task is not None:
            return True
        if self._is_over:
            return False
        reply = link().ask({"type": "next", "timeout": timeout})
        if reply["type"] == "task":
            self._task = reply
            return True
        if reply["type"] == "stop":
            self._is_over = True
            link().is_over = True
        elif reply["type"] == "abort":
            raise RuntimeError("the job was aborted: %s" % reply.get("message", ""))
        return False

    def _exchange(self):
        return self.welcome["exchange"]

    def _params(self):
        exchange = self._exchange()
        file = neuroflare_arrays.ModelFile(self._task["model"])
        return file, neuroflare_arrays.read_params(file, exchange["format"], exchange.get("dtypes"))

    def _read_model(self):
        task = self._task
        _, params = self._params()
        meta = dict(task["meta"])
        if task["control"] is not None:
            meta[AlgorithmConstants.SCAFFOLD_CTRL_GLOBAL] = self._control(task["control"]["received"])
        meta.update(job_id=self.welcome["job_id"], site_name=self.welcome["site_name"])
        return FLModel(
            params_type=ParamsType.FULL,
            params=params,
            start_round=task["start_round"],
            current_round=task["round"],
            total_rounds=task["total_rounds"],
            meta=meta,
        )

    def _control(self, path):
        """SCAFFOLD's control variate of the server: zeros before the first change."""
        exchange = self._exchange()
        file = neuroflare_arrays.ModelFile(path or self._task["model"])
        read = neuroflare_arrays.zeros if path is None else neuroflare_arrays.read_params
        return read(file, exchange["format"], {} if path else exchange.get("dtypes"))

    def _answer(self, model):
        task = self._task
        # A task that scores the model has no room for params: a script that trains on every task may send them all the same.
        has_params = model.params is not None and task["result"] is not None
        message = {
            "type": "result",
            "id": task["id"],
            "params": has_params,
            "control": False,
            "params_type": "FULL",
            "metrics": neuroflare_arrays.plain(model.metrics or {}),
            "weight": self._weight(model),
            "at": _caller(),
        }
        if has_params:
            message["params_type"] = self._write(model, task["result"])
            if task["control"] is not None:
                self._write_change(model, task["control"]["result"])
                message["control"] = True
        reply = link().ask(message)
        if reply["type"] != "accepted":
            raise Refused(reply.get("message", "the answer was not accepted"))
        if not self._exchange().get("launch_once", True):
            self._is_over = True
            link().is_over = True

    def _write(self, model, path):
        exchange = self._exchange()
        kind = ParamsType(model.params_type or ParamsType.FULL)
        is_diff = kind == ParamsType.FULL and exchange.get("transfer_type") == ParamsType.DIFF.value
        # Against the file: a script may have trained in place on the arrays that it received.
        file, received = self._params()
        base = _flat_base(received, exchange["format"]) if is_diff else None
        neuroflare_arrays.write_params(path, file, model.params, exchange["format"], base)
        return ParamsType.DIFF.value if is_diff else kind.value

    def _write_change(self, model, path):
        key = AlgorithmConstants.SCAFFOLD_CTRL_DIFF
        change = (model.meta or {}).get(key)
        if not change:
            raise RuntimeError("a job with SCAFFOLD needs '%s' in the meta of each trained model" % key)
        file = neuroflare_arrays.ModelFile(self._task["model"])
        neuroflare_arrays.write_changes(path, file, change, self._exchange()["format"])

    def _weight(self, model):
        weight = neuroflare_arrays.plain((model.meta or {}).get(WEIGHT))
        if isinstance(weight, (int, float)) and not isinstance(weight, bool) and weight > 0:
            return weight
        if not self._has_warned and model.params is not None:
            self._has_warned = True
            print(
                "neuroflare: the script sends no %s above 0 in its meta: this site counts 1" % WEIGHT,
                file=sys.stderr,
            )
        return None


def _flat_base(params, framework):
    return neuroflare_arrays._by_name(params) if framework == "tensorflow" else params


def _caller():
    """The line of the job's own code that sends."""
    frame = sys._getframe(1)
    own = os.environ.get("NEUROFLARE_BUNDLE", "")
    while frame is not None:
        file = os.path.abspath(frame.f_code.co_filename)
        if own and file.startswith(own + os.sep):
            return {"file": file, "line": frame.f_lineno}
        frame = frame.f_back
    return None


def rank_of(rank):
    if rank is None:
        return os.environ.get("RANK", "0")
    if isinstance(rank, bool) or not isinstance(rank, (int, str)):
        raise ValueError("rank must be a string or an integer but got %s" % type(rank).__name__)
    return str(rank)


def warn_deprecated(text):
    warnings.warn(text, DeprecationWarning, stacklevel=3)
