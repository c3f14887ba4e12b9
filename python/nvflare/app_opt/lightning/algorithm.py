"""FedProx and SCAFFOLD around the steps of a trainer, where the received model asks for them.

FedProx: Li et al., "Federated Optimization in Heterogeneous Networks", 2020. SCAFFOLD: see app_opt/pt/scaffold.py.
"""

import torch

from nvflare.app_common.app_constant import AlgorithmConstants
from nvflare.app_common.utils.fedprox_utils import normalize_fedprox_mu
from nvflare.app_opt.pt.scaffold import PTScaffoldHelper, get_lr_values

# A scaler of gradients may leave out a step, which nobody here would hear of.
PRECISIONS = ("32-true", "bf16-mixed")


class _Snapshot:
    """A model as it was received."""

    def __init__(self, module):
        self._state = {name: value.detach().cpu().clone() for name, value in module.state_dict().items()}

    def state_dict(self):
        return self._state


class AlgorithmSteps:
    """What is done to gradients before a step, to parameters after it, and what goes with the answer."""

    def __init__(self):
        self._mu = None
        self._helper = None
        self._begin(None)

    def _begin(self, received):
        self._received = received
        self._is_scaffold = False
        self._rate = None
        self._rates = 0.0

    def start_round(self, trainer, module, model):
        meta = model.meta or {}
        self._begin(None)
        self._mu = normalize_fedprox_mu(meta.get(AlgorithmConstants.FEDPROX_MU))
        control = meta.get(AlgorithmConstants.SCAFFOLD_CTRL_GLOBAL)
        if self._mu is None and control is None:
            return
        _require_plain_steps(trainer, module)
        self._begin(_Snapshot(module))
        if control is None:
            return
        self._is_scaffold = True
        if self._helper is None:
            self._helper = PTScaffoldHelper()
            self._helper.init(module)
        self._helper.load_global_controls(control)
        self._terms = self._helper.get_params()

    def before_step(self, module, optimizer):
        if self._is_scaffold:
            self._rate = _one_rate(optimizer)
        if self._mu is None:
            return
        state = self._received.state_dict()
        with torch.no_grad():
            for name, parameter in module.named_parameters():
                if not parameter.requires_grad:
                    continue
                pull = (parameter - state[name].to(parameter)) * self._mu
                parameter.grad = pull if parameter.grad is None else parameter.grad + pull

    def after_batch(self, module):
        if self._rate is None:
            return
        self._helper.model_update(module, self._rate, *self._terms)
        self._rates += self._rate
        self._rate = None

    def finish_round(self, module):
        """Meta that goes with the trained model."""
        if not self._is_scaffold:
            return {}
        if self._helper.cnt == 0:
            raise RuntimeError("SCAFFOLD needs a step of training in each round.")
        mean = self._rates / self._helper.cnt
        self._helper.terms_update(module, mean, *self._terms, self._received)
        self._is_scaffold = False
        return {AlgorithmConstants.SCAFFOLD_CTRL_DIFF: self._helper.get_delta_controls()}


def _require_plain_steps(trainer, module):
    if not module.automatic_optimization or len(trainer.optimizers) != 1:
        raise RuntimeError("FedProx and SCAFFOLD of a patched trainer need one optimizer and automatic optimization.")
    if str(trainer.precision) not in PRECISIONS:
        raise RuntimeError(
            "FedProx and SCAFFOLD of a patched trainer need the precision %s, not %s."
            % (" or ".join(PRECISIONS), trainer.precision)
        )


def _one_rate(optimizer):
    rates = set(get_lr_values(optimizer))
    if len(rates) != 1:
        raise RuntimeError("SCAFFOLD of a patched trainer needs one learning rate for all parameters, not %s." % rates)
    return rates.pop()
