"""The weight of FedProx's term, as the server sends it."""

import math
from numbers import Real

from nvflare.app_common.app_constant import AlgorithmConstants


def normalize_fedprox_mu(fedprox_mu):
    """None for no term. Raises where it is no finite number from 0 on."""
    if fedprox_mu is None:
        return None
    if isinstance(fedprox_mu, bool) or not isinstance(fedprox_mu, Real):
        raise TypeError("fedprox_mu must be a finite non-negative number or None.")
    fedprox_mu = float(fedprox_mu)
    if not math.isfinite(fedprox_mu) or fedprox_mu < 0.0:
        raise ValueError("fedprox_mu must be a finite non-negative number or None.")
    return fedprox_mu or None


def validate_fedprox_mu(fedprox_mu):
    found = normalize_fedprox_mu(fedprox_mu)
    if found is None:
        raise ValueError("fedprox_mu must be a finite positive number.")
    return found


def get_fedprox_mu(model):
    """Of a received model. Raises ValueError where its job sends none."""
    meta = model.meta or {}
    if AlgorithmConstants.FEDPROX_MU not in meta:
        raise ValueError("A FedProx client needs %r in the meta of the model." % AlgorithmConstants.FEDPROX_MU)
    try:
        return validate_fedprox_mu(meta[AlgorithmConstants.FEDPROX_MU])
    except (TypeError, ValueError) as error:
        raise ValueError("Wrong %r in the meta: %s" % (AlgorithmConstants.FEDPROX_MU, error)) from error
