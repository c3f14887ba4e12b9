"""What a site keeps of its trainer from one round to the next."""

from copy import deepcopy

from pytorch_lightning.callbacks import Callback


class RestoreState(Callback):
    """The states of optimizers, of their schedules and of the scaler of gradients go on where the last round ended."""

    def __init__(self):
        super().__init__()
        self.optimizer_states = []
        self.scaler_states = []
        self.lr_scheduler_states = []

    def on_fit_start(self, trainer, pl_module):
        if not self.optimizer_states:
            return
        trainer.strategy.load_optimizer_state_dict({"optimizer_states": self.optimizer_states})
        if self.scaler_states:
            trainer.scaler.load_state_dict(self.scaler_states[0])
        for config, state in zip(trainer.lr_scheduler_configs, self.lr_scheduler_states):
            config.scheduler.load_state_dict(state)

    def on_fit_end(self, trainer, pl_module):
        self.optimizer_states = [deepcopy(optimizer.state_dict()) for optimizer in trainer.optimizers]
        self.scaler_states = [deepcopy(trainer.scaler.state_dict())] if trainer.scaler else []
        self.lr_scheduler_states = [deepcopy(config.scheduler.state_dict()) for config in trainer.lr_scheduler_configs]
