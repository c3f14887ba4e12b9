"""Ditto (Li et al., 2021, algorithm 1, with equal shares) in full, in NumPy: sites with quadratic losses f_i(w) = sum(a_i (w - b_i)^2) / 2, so that
the gradients are exact. The personal models of sites that are not drawn stay what they were. Prints test/parity/ditto.json:

    python test/parity/ditto.py > test/parity/ditto.json
"""
import json
import numpy as np

BASE = np.array([0.5, -1.0, 2.0])
SITES = [
    {"a": [1.0, 2.0, 0.5], "b": [1.0, 0.0, -1.0]},
    {"a": [0.5, 1.0, 3.0], "b": [-2.0, 1.0, 0.5]},
    {"a": [2.0, 0.3, 1.0], "b": [0.0, -3.0, 2.0]},
]
STEPS, RATE, LAMBDA = 4, 0.1, 0.7
# Who takes part in each round.
DRAWN = [[1, 2], [0, 1], [0, 2], [1, 2]]


def gradient(site, w):
    return np.array(site["a"]) * (w - np.array(site["b"]))


w = BASE.copy()
# A personal model begins with the global one of the first round that its site takes part in.
personal = [None for _ in SITES]
rounds = []
for drawn in DRAWN:
    models = []
    for i in drawn:
        own = w.copy()
        v = w.copy() if personal[i] is None else personal[i]
        for _ in range(STEPS):
            own = own - RATE * gradient(SITES[i], own)
            v = v - RATE * (gradient(SITES[i], v) + LAMBDA * (v - w))
        personal[i] = v
        models.append(own)
    w = np.mean(models, axis=0)
    rounds.append({
        "model": w.tolist(),
        "personal": {f"site-{i + 1}": personal[i].tolist() for i in drawn},
    })

print(json.dumps({
    "base": BASE.tolist(),
    "sites": SITES,
    "steps": STEPS,
    "rate": RATE,
    "lambda": LAMBDA,
    "drawn": [[f"site-{i + 1}" for i in drawn] for drawn in DRAWN],
    "rounds": rounds,
}, indent=2))
