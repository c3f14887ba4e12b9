"""Server optimizers of "Adaptive Federated Optimization" (Reddi et al., 2021, algorithm 2) as Flower 1.4 writes them down
(flwr/server/strategy: fedadam.py, fedadagrad.py, fedyogi.py, fedavgm.py), in NumPy. Prints test/parity/fedopt.json:

    python test/parity/fedopt.py > test/parity/fedopt.json
"""
import json
import numpy as np

BASE = np.array([0.5, -1.0, 2.0])
# Of two sites, by round: what each adds to the model it received.
DELTAS = [
    ([0.10, 0.20, -0.30], [0.30, -0.20, 0.10]),
    ([0.05, 0.00, -0.25], [-0.15, 0.40, 0.05]),
    ([-0.20, 0.10, 0.00], [0.60, -0.10, -0.20]),
]
WEIGHTS = np.array([1.0, 3.0])
ETA, BETA_1, BETA_2, TAU = 0.1, 0.9, 0.99, 1e-3


def moment(m, delta):
    return BETA_1 * m + (1 - BETA_1) * delta


def run(step):
    x, state, seen = BASE.copy(), (np.zeros(3), np.zeros(3)), []
    for deltas in DELTAS:
        delta = np.average(np.array(deltas), axis=0, weights=WEIGHTS)
        x, state = step(x, state, delta)
        seen.append(x.tolist())
    return seen


def sgd(x, state, delta):
    velocity = BETA_1 * state[0] + delta
    return x + ETA * velocity, (velocity, state[1])


def adaptive(second):
    def step(x, state, delta):
        m, v = moment(state[0], delta), second(state[1], delta)
        return x + ETA * m / (np.sqrt(v) + TAU), (m, v)

    return step


print(json.dumps({
    "base": BASE.tolist(),
    "deltas": DELTAS,
    "weights": WEIGHTS.tolist(),
    "options": {"learningRate": ETA, "momentum": BETA_1, "beta2": BETA_2, "tau": TAU},
    "models": {
        "sgd": run(sgd),
        "adam": run(adaptive(lambda v, d: BETA_2 * v + (1 - BETA_2) * d**2)),
        "adagrad": run(adaptive(lambda v, d: v + d**2)),
        "yogi": run(adaptive(lambda v, d: v - (1 - BETA_2) * d**2 * np.sign(v - d**2))),
    },
}, indent=2))
