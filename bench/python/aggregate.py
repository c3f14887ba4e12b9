"""Weighted mean of float32 models with a float64 accumulator, as numpy users write it. usage: aggregate.py TARGET MODEL.npy ..."""
import json, resource, sys, time

import numpy as np

target, *models = sys.argv[1:]
begun = time.perf_counter()
total, weights = None, 0.0
for index, path in enumerate(models):
    update = np.load(path).astype(np.float64)
    update *= index + 1
    weights += index + 1
    total = update if total is None else np.add(total, update, out=total)
np.save(target, (total / weights).astype(np.float32))
seconds = time.perf_counter() - begun
print(json.dumps({"seconds": seconds, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
