"""FedDyn (Acar et al., 2021, algorithm 1) in full, in NumPy: sites with quadratic losses f_i(w) = sum(a_i (w - b_i)^2) / 2, so that the gradients
are exact; the inner problem is approached by a few steps of gradient descent. Sites that are not drawn keep what they know of their
gradient. Prints test/parity/feddyn.json:

    python test/parity/feddyn.py > test/parity/feddyn.json
"""
import json
import numpy as np

BASE = np.array([0.5, -1.0, 2.0])
SITES = [
    {"a": [1.0, 2.0, 0.5], "b": [1.0, 0.0, -1.0]},
    {"a": [0.5, 1.0, 3.0], "b": [-2.0, 1.0, 0.5]},
    {"a": [2.0, 0.3, 1.0], "b": [0.0, -3.0, 2.0]},
]
STEPS, RATE, ALPHA = 4, 0.1, 0.3
# Who takes part in each round.
DRAWN = [[1, 2], [0, 1], [0, 2], [1, 2]]


def gradient(site, w):
    return np.array(site["a"]) * (w - np.array(site["b"]))


theta, h = BASE.copy(), np.zeros(3)
reached = [np.zeros(3) for _ in SITES]
rounds = []
for drawn in DRAWN:
    models = []
    for i in drawn:
        w = theta.copy()
        for _ in range(STEPS):
            w = w - RATE * (gradient(SITES[i], w) - reached[i] + ALPHA * (w - theta))
        reached[i] = reached[i] - ALPHA * (w - theta)
        models.append(w)
    h = h - ALPHA / len(SITES) * np.sum([w - theta for w in models], axis=0)
    theta = np.mean(models, axis=0) - h / ALPHA
    rounds.append({"model": theta.tolist(), "h": h.tolist()})

print(json.dumps({
    "base": BASE.tolist(),
    "sites": SITES,
    "steps": STEPS,
    "rate": RATE,
    "alpha": ALPHA,
    "drawn": [[f"site-{i + 1}" for i in drawn] for drawn in DRAWN],
    "rounds": rounds,
}, indent=2))
