"""SCAFFOLD at a site (Karimireddy et al., "SCAFFOLD: Stochastic Controlled Averaging for Federated Learning", 2020, algorithm 1, option II).

Control variates are of trainable parameters: c of the server comes with the model, c_i of this site is kept here, and its change goes back.
"""

import torch


def get_lr_values(optimizer):
    """The learning rates of its groups of parameters."""
    return [group["lr"] for group in optimizer.param_groups]


class _Controls:
    """Tensors by the names of parameters, on the CPU."""

    def __init__(self, values):
        self.values = values

    def state_dict(self):
        return dict(self.values)


class PTScaffoldHelper:
    """In each round: load_global_controls, get_params, model_update after each step, terms_update, get_delta_controls."""

    def __init__(self):
        # Steps of this round.
        self.cnt = 0
        self.c_global = None
        self.c_local = None
        self.c_delta_para = None

    def init(self, model):
        zeros = {name: torch.zeros_like(value, device="cpu") for name, value in _trained(model)}
        if not zeros:
            raise RuntimeError("SCAFFOLD needs a model with parameters that are trained.")
        self.c_global = _Controls(zeros)
        self.c_local = _Controls({name: value.clone() for name, value in zeros.items()})

    def load_global_controls(self, weights):
        """`weights`: arrays or tensors by name; those of no parameter are not used."""
        if not weights:
            raise RuntimeError("There are no control variates of the server.")
        found = {}
        for name, own in self.c_local.values.items():
            value = torch.as_tensor(weights[name]) if name in weights else torch.zeros_like(own)
            if value.shape != own.shape:
                raise RuntimeError(
                    "the control variate '%s' has the shape %s, not %s" % (name, list(value.shape), list(own.shape))
                )
            # Its own memory: that of a received array ends with its task.
            found[name] = value.detach().to("cpu", own.dtype).clone()
        self.c_global = _Controls(found)

    def get_params(self):
        """(c, c_i) by name. A round begins."""
        self.cnt = 0
        self.c_delta_para = None
        return self.c_global.state_dict(), self.c_local.state_dict()

    def model_update(self, model, curr_lr, c_global_para, c_local_para):
        """After a step of the optimizer: w <- w - lr (c - c_i)."""
        with torch.no_grad():
            for name, parameter in _trained(model):
                change = torch.as_tensor(c_global_para[name]) - torch.as_tensor(c_local_para[name])
                parameter.sub_(change.to(parameter), alpha=curr_lr)
        self.cnt += 1

    def terms_update(self, model, curr_lr, c_global_para, c_local_para, model_global):
        """c_i <- c_i - c + (w0 - w) / (steps lr). `model_global`: the received model, or what has its `state_dict`."""
        if self.cnt <= 0:
            raise RuntimeError("terms_update needs a step of training before it (model_update).")
        received = model_global.state_dict()
        next_local, change = {}, {}
        with torch.no_grad():
            for name, parameter in _trained(model):
                local = torch.as_tensor(c_local_para[name]).to("cpu", parameter.dtype)
                server = torch.as_tensor(c_global_para[name]).to("cpu", parameter.dtype)
                moved = received[name].to("cpu", parameter.dtype) - parameter.detach().cpu()
                next_local[name] = local - server + moved / (self.cnt * curr_lr)
                change[name] = (next_local[name] - local).float().numpy()
        self.c_local = _Controls({**self.c_local.values, **next_local})
        self.c_delta_para = change

    def get_delta_controls(self):
        """What c_i has changed by, as arrays of numpy by name."""
        if self.c_delta_para is None:
            raise ValueError("c_delta_para hasn't been computed yet!")
        return self.c_delta_para


def _trained(model):
    return [(name, value) for name, value in model.named_parameters() if value.requires_grad]
