"""ComBat with a class as covariate, by neuroCombat 0.2.12 (Fortin et al.) on all values at once: three sites, three classes, one class
missing at one site. Prints test/parity/combat.json:

    python test/parity/combat.py > test/parity/combat.json
"""
import contextlib
import json
import sys
import numpy as np
import pandas as pd
from neuroCombat import neuroCombat

rng = np.random.default_rng(7)
SITES = ["site-1"] * 22 + ["site-2"] * 31 + ["site-3"] * 18
CLASSES = [at % 3 for at in range(53)] + [at % 2 for at in range(18)]
FEATURES = 12
site = np.array([int(name[-1]) - 1 for name in SITES])
label = np.array(CLASSES)
level = rng.normal(30000, 9000, FEATURES)
shift = rng.normal(0, 1500, (3, FEATURES)) + np.array([[900], [-600], [0]])
spread = rng.uniform(0.6, 1.6, (3, FEATURES))
effect = rng.normal(0, 1200, (3, FEATURES))
values = level + shift[site] + effect[label] + spread[site] * rng.normal(0, 1500, (len(site), FEATURES))
values = np.round(values)

# It prints how far it is.
with contextlib.redirect_stdout(sys.stderr):
    found = neuroCombat(
        dat=pd.DataFrame(values.T),
        covars=pd.DataFrame({"site": SITES, "label": [str(one) for one in CLASSES]}),
        batch_col="site",
        categorical_cols=["label"],
    )
estimates = found["estimates"]
print(json.dumps({
    "sites": SITES,
    "classes": CLASSES,
    "values": values.astype(int).tolist(),
    "deviations": np.sqrt(estimates["var.pooled"][:, 0]).tolist(),
    "location": np.array(estimates["gamma.star"]).tolist(),
    "variance": np.array(estimates["delta.star"]).tolist(),
}))
