"""The functions of the Client API. Each takes `ctx`, the context that `init` gave; default: the first one of this process."""

import logging

from nvflare.apis.analytix import AnalyticsDataType

from .config import ConfigKey
from .context import EVALUATE, SUBMIT_MODEL, TRAIN, Context, rank_of

_logger = logging.getLogger(__name__)
_contexts = {}
_default = None


def init(rank=None, config_file=None):
    """Call it first. `rank`: of this process among those of one script; default: the environment's RANK, else 0."""
    global _default
    key = (rank_of(rank), config_file)
    if key in _contexts:
        _logger.warning("called init() more than once. The subsequence calls are ignored")
    else:
        _contexts[key] = Context(key[0])
    if _default is None:
        _default = _contexts[key]
    return _contexts[key]


def get_context(ctx=None):
    found = ctx or _default
    if found is None:
        raise RuntimeError("APIContext is None. Did you call flare.init() before using the Client API?")
    return found


def receive(timeout=None, ctx=None):
    """The model of the task at hand, the same until it is answered. Waits for a task; None when the job is over."""
    return get_context(ctx).receive(timeout)


def send(model, clear_cache=True, ctx=None):
    """Answers the task at hand. Afterwards the params of both models are None."""
    get_context(ctx).send(model, clear_cache)


def clear(ctx=None):
    """Forgets the task at hand."""
    get_context(ctx).clear()


def system_info(ctx=None):
    welcome = get_context(ctx).welcome
    return {"job_id": welcome["job_id"], "site_name": welcome["site_name"]}


def get_config(ctx=None):
    context = get_context(ctx)
    exchange = context.welcome["exchange"]
    task = context._task
    return {
        ConfigKey.TASK_EXCHANGE: {
            ConfigKey.TRAIN_WITH_EVAL: True,
            ConfigKey.EXCHANGE_FORMAT: exchange.get("format", "numpy"),
            ConfigKey.SERVER_EXPECTED_FORMAT: exchange.get("format", "numpy"),
            ConfigKey.TRANSFER_TYPE: exchange.get("transfer_type", "FULL"),
            ConfigKey.TRAIN_TASK_NAME: TRAIN,
            ConfigKey.EVAL_TASK_NAME: EVALUATE,
            ConfigKey.SUBMIT_MODEL_TASK_NAME: SUBMIT_MODEL,
            ConfigKey.LAUNCH_ONCE: exchange.get("launch_once", True),
        },
        "job_id": context.welcome["job_id"],
        "site_name": context.welcome["site_name"],
        ConfigKey.MEMORY_GC_ROUNDS: 0,
        ConfigKey.CUDA_EMPTY_CACHE: False,
        ConfigKey.TASK_NAME: task["name"] if task else "",
    }


def get_job_id(ctx=None):
    return get_context(ctx).welcome["job_id"]


def get_site_name(ctx=None):
    return get_context(ctx).welcome["site_name"]


def get_task_name(ctx=None):
    return get_context(ctx).task_name()


def is_running(ctx=None):
    """Waits until a task is there. False when the job is over."""
    return get_context(ctx).is_running()


def is_train(ctx=None):
    return get_context(ctx).task_name() == TRAIN


def is_evaluate(ctx=None):
    return get_context(ctx).task_name() == EVALUATE


def is_submit_model(ctx=None):
    return get_context(ctx).task_name() == SUBMIT_MODEL


def log(key, value, data_type=AnalyticsDataType.SCALAR, ctx=None, **kwargs):
    """Tracks a value: it stands in the log of the site."""
    writer = kwargs.pop("writer", "TORCH_TENSORBOARD")
    step = kwargs.pop("global_step", None)
    get_context(ctx).log(key, value, data_type, writer, step, kwargs)
    return True


def shutdown(ctx=None):
    get_context(ctx).shutdown()
