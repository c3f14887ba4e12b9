"""`patch(trainer)`: `trainer.fit` begins with the received model and sends the trained one."""

import logging

from pytorch_lightning.callbacks import Callback
from pytorch_lightning.trainer.states import TrainerFn

from nvflare.app_common.abstract.fl_model import FLModel, MetaKey
from nvflare.client.api import clear, init, is_evaluate, is_submit_model, is_train, receive, send

from .algorithm import AlgorithmSteps
from .callbacks import RestoreState

# An attribute of the module: meta that goes with its model.
FL_META_KEY = "__fl_meta__"


def patch(trainer, restore_state=True, load_state_dict_strict=True, update_fit_loop=True):
    """Gives the trainer the callbacks of the Client API, once.

    restore_state: optimizers and their schedules go on from round to round. load_state_dict_strict: False takes of the received model
    what the module has. update_fit_loop: each round has the epochs and steps that the trainer was made with.
    """
    callbacks = list(trainer.callbacks)
    if not any(isinstance(one, FLCallback) for one in callbacks):
        callbacks.append(FLCallback(trainer.global_rank, load_state_dict_strict, update_fit_loop))
    if restore_state and not any(isinstance(one, RestoreState) for one in callbacks):
        callbacks.append(RestoreState())
    trainer.callbacks = callbacks


class FLCallback(Callback):
    """Receives before a training or a validation, and sends after it."""

    def __init__(self, rank=0, load_state_dict_strict=True, update_fit_loop=True):
        super().__init__()
        init(rank=str(rank))
        self.rank = rank
        self.metrics = None
        self.current_round = None
        self._is_strict = load_state_dict_strict
        self._updates_loop = update_fit_loop
        self._per_round = None
        self._kind = {"train": False, "evaluate": False, "submit": False}
        self._steps = AlgorithmSteps()
        self._is_training = False
        self._begun_at = 0
        self._logger = logging.getLogger(type(self).__name__)

    def on_train_start(self, trainer, pl_module):
        model = self._receive(trainer, pl_module)
        if model is None or not self._kind["train"]:
            return
        self._is_training = True
        self._begun_at = trainer.global_step
        self._steps.start_round(trainer, pl_module, model)

    def on_before_optimizer_step(self, trainer, pl_module, optimizer, *_):
        if self._is_training:
            self._steps.before_step(pl_module, optimizer)

    def on_train_batch_end(self, trainer, pl_module, *_):
        if self._is_training:
            self._steps.after_batch(pl_module)

    def on_train_end(self, trainer, pl_module):
        if not self._is_training:
            return
        meta = getattr(pl_module, FL_META_KEY, {})
        if not isinstance(meta, dict):
            raise RuntimeError("%s needs to be a dict" % FL_META_KEY)
        meta = {MetaKey.NUM_STEPS_CURRENT_ROUND: trainer.global_step - self._begun_at, **meta}
        meta.update(self._steps.finish_round(pl_module))
        params = {name: value.detach().cpu() for name, value in pl_module.state_dict().items()}
        self._send(trainer, FLModel(params=params, metrics=self.metrics, meta=meta))

    def on_validation_start(self, trainer, pl_module):
        # Within `fit` it scores the model as it is trained; one that is asked for by itself scores the received one.
        if self._scores_received(trainer):
            self._receive(trainer, pl_module)

    def on_validation_end(self, trainer, pl_module):
        if not self._scores_received(trainer):
            return
        self.metrics = {name: value.item() for name, value in trainer.callback_metrics.items()}
        if self._kind["evaluate"]:
            self._send(trainer, FLModel(metrics=self.metrics))

    def reset_state(self, trainer):
        """The task at hand is over."""
        self.metrics = None
        self._is_training = False
        clear()
        if self.current_round is None:
            return
        trainer.num_sanity_val_steps = 0
        if self._per_round is None:
            self._per_round = (trainer.max_epochs, trainer.max_steps)
        epochs, steps = self._per_round
        if not self._updates_loop:
            return
        if epochs is not None and epochs > 0 and trainer.current_epoch:
            trainer.fit_loop.max_epochs = trainer.current_epoch + epochs
        if steps > 0 and trainer.global_step:
            trainer.fit_loop.epoch_loop.max_steps = trainer.global_step + steps

    def _scores_received(self, trainer):
        return self.metrics is None and not self._is_training and trainer.state.fn == TrainerFn.VALIDATING

    def _send(self, trainer, model):
        if trainer.global_rank == 0:
            send(model, clear_cache=False)
        self.reset_state(trainer)

    def _receive(self, trainer, pl_module):
        model, kind = None, self._kind
        if self.rank == 0:
            model = receive()
            if model is not None:
                kind = {"train": is_train(), "evaluate": is_evaluate(), "submit": is_submit_model()}
        model = trainer.strategy.broadcast(model, src=0)
        self._kind = trainer.strategy.broadcast(kind, src=0)
        if model is not None and model.params:
            self._load(pl_module, model.params)
            self.current_round = model.current_round
        return model

    def _load(self, pl_module, params):
        own = pl_module.state_dict()
        unlike = [name for name in params if name in own and own[name].shape != params[name].shape]
        if unlike:
            raise RuntimeError("the received model has other shapes than the module: %s" % ", ".join(unlike[:5]))
        unknown = [name for name in params if name not in own]
        if len(unknown) == len(params) or (unknown and self._is_strict):
            raise RuntimeError("the received model has arrays that the module has not: %s" % ", ".join(unknown[:5]))
        if unknown:
            self._logger.warning("left out of the received model: %s", ", ".join(unknown))
        known = {name: value for name, value in params.items() if name in own}
        pl_module.load_state_dict(known, strict=self._is_strict)
