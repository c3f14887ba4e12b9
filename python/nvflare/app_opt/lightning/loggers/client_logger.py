"""A logger for the trainer: its figures stand in the log of the site."""

from pytorch_lightning.loggers.logger import Logger
from pytorch_lightning.utilities.rank_zero import rank_zero_only

import nvflare
from nvflare.client.tracking import MLflowWriter


class ClientLogger(Logger):
    def __init__(self, prefix=""):
        super().__init__()
        self._prefix = prefix
        self._writer = MLflowWriter()

    @property
    def name(self):
        return "nvflare"

    @property
    def version(self):
        return nvflare.__version__

    @rank_zero_only
    def log_hyperparams(self, params, *args, **kwargs):
        """They stand in the job."""

    @rank_zero_only
    def log_metrics(self, metrics, step=None):
        named = {"%s-%s" % (self._prefix, key) if self._prefix else key: value for key, value in metrics.items()}
        self._writer.log_metrics(named, step)
