"""Writers with the calls of TensorBoard, Weights & Biases and MLflow. What they are given stands in the log of the site."""

from nvflare.apis.analytix import AnalyticsDataType, LogWriterName

from . import api


def init(rank=None, config_file=None):
    return api.init(rank=rank, config_file=config_file)


def shutdown(ctx=None):
    api.shutdown(ctx)


def get_context(ctx=None):
    return api.get_context(ctx)


def log(key, value, data_type, ctx=None, **kwargs):
    return api.log(key, value, data_type, ctx=ctx, **kwargs)


class _BaseWriter:
    def __init__(self, ctx=None):
        self.ctx = get_context(ctx)

    def _log(self, writer, key, value, kind, **kwargs):
        log(key, value, kind, ctx=self.ctx, writer=writer, **kwargs)


class SummaryWriter(_BaseWriter):
    def add_scalar(self, tag, scalar, global_step=None, **kwargs):
        self._log(LogWriterName.TORCH_TB, tag, scalar, AnalyticsDataType.SCALAR, global_step=global_step, **kwargs)

    def add_scalars(self, tag, scalars, global_step=None, **kwargs):
        self._log(LogWriterName.TORCH_TB, tag, scalars, AnalyticsDataType.SCALARS, global_step=global_step, **kwargs)

    def flush(self):
        """Nothing waits here."""

    def close(self):
        """Nothing is open here."""


class WandBWriter(_BaseWriter):
    def log(self, metrics, step=None):
        self._log(LogWriterName.WANDB, "metrics", metrics, AnalyticsDataType.METRICS, global_step=step)


class MLflowWriter(_BaseWriter):
    def _write(self, key, value, kind, **kwargs):
        self._log(LogWriterName.MLFLOW, key, value, kind, **kwargs)

    def log_param(self, key, value):
        self._write(key, value, AnalyticsDataType.PARAMETER)

    def log_params(self, values):
        self._write("params", values, AnalyticsDataType.PARAMETERS)

    def log_metric(self, key, value, step=None):
        self._write(key, value, AnalyticsDataType.METRIC, global_step=step)

    def log_metrics(self, metrics, step=None):
        self._write("metrics", metrics, AnalyticsDataType.METRICS, global_step=step)

    def log_text(self, text, artifact_file_path):
        self._write("text", text, AnalyticsDataType.TEXT, path=artifact_file_path)

    def set_tag(self, key, tag):
        self._write(key, tag, AnalyticsDataType.TAG)

    def set_tags(self, tags):
        self._write("tags", tags, AnalyticsDataType.TAGS)
