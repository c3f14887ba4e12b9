"""SCAFFOLD at a site for TensorFlow (Karimireddy et al. 2020, algorithm 1, option II); see app_opt/pt/scaffold.py."""

import numpy as np
import tensorflow as tf


def get_lr_values(optimizer):
    return optimizer.learning_rate


class TFScaffoldHelper:
    """c and c_i are of trainable weights, as lists in the order of the model's."""

    def __init__(self):
        # Steps of this round.
        self.cnt = 0
        self.c_global = None
        self.c_local = None
        self.c_delta_para = None
        self._names = None

    def init(self, model):
        self._names = _names(model)
        self.c_global = [np.zeros(tuple(value.shape), "float32") for value in model.trainable_variables]
        self.c_local = [value.copy() for value in self.c_global]

    def load_global_controls(self, weights):
        """`weights`: arrays as the model was received, by layer (lists) or by name."""
        flat = {}
        for name, parts in weights.items():
            if isinstance(parts, (list, tuple)):
                flat.update({"%s_nvf_%d" % (name, at): value for at, value in enumerate(parts)})
            else:
                flat[name] = parts
        # Memory of its own: that of a received array ends with its task.
        self.c_global = [
            np.array(flat[name], "float32") if name in flat else np.zeros_like(own)
            for name, own in zip(self._names, self.c_local)
        ]

    def get_params(self):
        """(c, c_i). A round begins."""
        self.cnt = 0
        self.c_delta_para = None
        return self.c_global, self.c_local

    def model_update(self, model, curr_lr, c_global_para, c_local_para):
        """After a step: w <- w - lr (c - c_i)."""
        for variable, server, local in zip(model.trainable_variables, c_global_para, c_local_para):
            variable.assign_sub(tf.cast(curr_lr, variable.dtype) * (server - local))
        self.cnt += 1

    def terms_update(self, model, curr_lr, c_global_para, c_local_para, model_global):
        """c_i <- c_i - c + (w0 - w) / (steps lr)."""
        scale = 1.0 / (self.cnt * float(curr_lr))
        moved = [
            (before.numpy() - after.numpy()) * scale
            for before, after in zip(model_global.trainable_variables, model.trainable_variables)
        ]
        fresh = [local - server + step for local, server, step in zip(c_local_para, c_global_para, moved)]
        self.c_delta_para = {
            name: new - old for name, new, old in zip(self._names, fresh, c_local_para)
        }
        self.c_local = fresh

    def get_delta_controls(self):
        """What c_i has changed by, by the names that arrays of the model travel with."""
        if self.c_delta_para is None:
            raise ValueError("c_delta_para hasn't been computed yet!")
        return self.c_delta_para


class ScaffoldCallback(tf.keras.callbacks.Callback):
    """Corrects at the end of each epoch, which counts as one step."""

    def __init__(self, scaffold_helper):
        super().__init__()
        self.scaffold_helper = scaffold_helper
        self.c_global_para, self.c_local_para = scaffold_helper.get_params()

    def on_epoch_end(self, epoch, logs=None):
        rate = self.model.optimizer.learning_rate
        self.scaffold_helper.model_update(self.model, rate, self.c_global_para, self.c_local_para)


def _names(model):
    """Of the trainable weights, as nvflare calls arrays of a layer."""
    found = {}
    for layer in model.layers:
        for at, weight in enumerate(layer.weights):
            found[id(weight)] = "%s_nvf_%d" % (layer.name, at)
    return [found[id(variable)] for variable in model.trainable_variables]
