"""Bounds of audits in one run, and exact intervals, by SciPy: python test/parity/one-run-bound.py > test/parity/one-run-bound.json"""
import json
import math

from scipy.optimize import brentq
from scipy.stats import beta, binom, norm

SIGNIFICANCE = 0.05


def steinke(canaries, guesses, right, delta):
    """Steinke, Nasr and Jagielski 2023, theorem 5.2."""

    def chance(epsilon):
        q = 1 / (1 + math.exp(-epsilon))
        own = binom.sf(right - 1, guesses, q)
        alpha = max((binom.sf(right - less - 1, guesses, q) - own) / less for less in range(1, right + 1))
        return own + max(0, alpha) * delta * 2 * canaries

    return root(lambda epsilon: SIGNIFICANCE - chance(epsilon))


def gaussian(canaries, guesses, right, delta):
    """Mahloujifar, Melis and Chaudhuri 2024, algorithm 3, for a Gaussian trade-off (Balle and Wang 2018, theorem 8)."""

    def shift(epsilon):
        def excess(mu):
            return norm.cdf(mu / 2 - epsilon / mu) - math.exp(epsilon) * norm.cdf(-mu / 2 - epsilon / mu) - delta

        return brentq(excess, 1e-12, 100, xtol=1e-13)

    def refuted(epsilon):
        mu = shift(epsilon)
        correct, wrong = SIGNIFICANCE * right / canaries, SIGNIFICANCE * (guesses - right) / canaries
        for at in range(right - 1, -1, -1):
            new = max(wrong, float(norm.cdf(norm.ppf(correct) - mu)))
            correct, wrong = min(1, correct + at / (guesses - at) * (new - wrong)), new
        return correct + wrong - guesses / canaries

    return root(refuted)


def root(refuted):
    if refuted(1e-9) <= 0:
        return 0
    high = 1
    while refuted(high) > 0:
        high *= 2
    return brentq(refuted, 1e-9, high, xtol=1e-7)


def interval(count, trials):
    low = 0 if count == 0 else beta.ppf(0.025, count, trials - count + 1)
    high = 1 if count == trials else beta.ppf(0.975, count + 1, trials - count)
    return [count, trials, low, high]


RUNS = [
    (1000, 100, 97, 1e-6),
    (1000, 400, 398, 1e-6),
    (1000, 400, 400, 1e-6),
    (1000, 1000, 1000, 1e-6),
    (1000, 200, 120, 1e-5),
    (1000, 200, 101, 1e-6),
    (5000, 500, 450, 1e-6),
    (200, 20, 19, 1e-8),
]
COUNTS = [(0, 10), (10, 10), (3, 300), (15, 300), (1, 7), (60, 300), (200, 1000), (999, 1000)]
print(
    json.dumps(
        {
            "runs": [[*run, steinke(*run), gaussian(*run)] for run in RUNS],
            "intervals": [interval(*one) for one in COUNTS],
            "quantiles": [[p, float(norm.isf(p))] for p in (1e-300, 1e-30, 1e-7, 0.01, 0.3, 0.5, 0.9, 1 - 1e-9)],
        },
        indent=1,
    )
)
