"""SCAFFOLD (Karimireddy et al., 2020, algorithm 1) in full, in NumPy: sites with quadratic losses f_i(w) = sum(a_i (w - b_i)^2) / 2, so that
the gradients are exact. Sites that are not drawn keep their control variates. Prints test/parity/scaffold.json:

    python test/parity/scaffold.py > test/parity/scaffold.json
"""
import json
import numpy as np

BASE = np.array([0.5, -1.0, 2.0])
SITES = [
    {"a": [1.0, 2.0, 0.5], "b": [1.0, 0.0, -1.0]},
    {"a": [0.5, 1.0, 3.0], "b": [-2.0, 1.0, 0.5]},
    {"a": [2.0, 0.3, 1.0], "b": [0.0, -3.0, 2.0]},
]
STEPS, RATE, SERVER_RATE = 4, 0.1, 0.5
# Who takes part in each round.
DRAWN = [[1, 2], [0, 1], [0, 2], [1, 2]]


def gradient(site, w):
    return np.array(site["a"]) * (w - np.array(site["b"]))


def run(option):
    x, c = BASE.copy(), np.zeros(3)
    own = [np.zeros(3) for _ in SITES]
    seen = []
    for drawn in DRAWN:
        moved, changed = [], []
        for i in drawn:
            y = x.copy()
            for _ in range(STEPS):
                y = y - RATE * (gradient(SITES[i], y) - own[i] + c)
            now = gradient(SITES[i], x) if option == 1 else own[i] - c + (x - y) / (STEPS * RATE)
            moved.append(y - x)
            changed.append(now - own[i])
            own[i] = now
        x = x + SERVER_RATE * np.mean(moved, axis=0)
        c = c + np.sum(changed, axis=0) / len(SITES)
        seen.append({"model": x.tolist(), "control": c.tolist()})
    return seen


print(json.dumps({
    "base": BASE.tolist(),
    "sites": SITES,
    "steps": STEPS,
    "rate": RATE,
    "server_rate": SERVER_RATE,
    "drawn": [[f"site-{i + 1}" for i in drawn] for drawn in DRAWN],
    "rounds": {"1": run(1), "2": run(2)},
}, indent=2))
