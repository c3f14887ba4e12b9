"""Dice and HD95 of whole masks by MONAI 1.6.1, and lesion by lesion by the code of BraTS 2023 (rachitsaluja/BraTS-2023-Metrics at commit
43c9052, whose folder is the one argument; it needs connected-components-3d, nibabel and pandas). Its HD95 is weighed by areas of a mesh; here
MONAI's stands in its place, so that both figures have one definition. Prints test/parity/segmentation.json:

    python test/parity/segmentation.py BraTS-2023-Metrics > test/parity/segmentation.json
"""
import base64
import contextlib
import json
import sys
import tempfile
import types
import warnings

import nibabel as nib
import numpy as np
import pandas as pd
import torch
from monai.metrics import compute_hausdorff_distance
from scipy import ndimage

warnings.simplefilter("ignore")


def hd95(truth, predicted, voxel):
    one, other = (torch.from_numpy(np.asarray(m) > 0)[None, None].float() for m in (truth, predicted))
    found = compute_hausdorff_distance(
        other, one, include_background=True, percentile=95, spacing=[float(size) for size in voxel]
    )
    value = float(found[0, 0])
    return value if np.isfinite(value) else 374.0


surface = types.ModuleType("surface_distance")
surface.compute_surface_distances = lambda truth, predicted, voxel: (truth, predicted, voxel)
surface.compute_robust_hausdorff = lambda held, percent: hd95(*held)
sys.modules["surface_distance"] = surface
# It was written for pandas before 2. Infinite distances, which it replaces by 374, come as 374 from the start.
pd.DataFrame.replace = lambda one, *args, **named: one
pd.DataFrame.append = lambda one, other: pd.concat([one, other])
sys.path.insert(0, sys.argv[1])
from metrics import get_LesionWiseResults  # noqa: E402

rng = np.random.default_rng(15)
SHAPE = (26, 24, 18)


def blobs(count, radius):
    mask = np.zeros(SHAPE, bool)
    grid = np.indices(SHAPE)
    for _ in range(count):
        centre = [rng.integers(0, size) for size in SHAPE]
        axes = rng.uniform(0.6, 1.4, 3) * radius
        mask |= sum(((grid[a] - centre[a]) / axes[a]) ** 2 for a in range(3)) <= 1
    return mask


def disturbed(mask):
    moved = ndimage.shift(mask.astype(float), rng.uniform(-1.5, 1.5, 3), order=1) > 0.5
    speckled = moved ^ (rng.random(SHAPE) < 0.0015)
    return speckled | blobs(1, 1.5)


def bits(mask):
    return base64.b64encode(np.packbits(mask.ravel(order="F"))).decode()


CASES = [
    ("BraTS-GLI", (1, 1, 1), blobs(3, 4), None),
    ("BraTS-GLI", (1, 1, 1), blobs(6, 2.2), None),
    ("BraTS-MET", (1, 1, 1), blobs(9, 1.6), None),
    ("BraTS-MEN", (0.9, 1.2, 2.5), blobs(4, 3), None),
    ("BraTS-PED", (1.5, 0.7, 3), blobs(5, 2.5), None),
    ("BraTS-MET", (1, 1, 1), blobs(4, 2), np.zeros(SHAPE, bool)),
    ("BraTS-MET", (1, 1, 1), np.zeros(SHAPE, bool), blobs(3, 2)),
    ("BraTS-MET", (1, 1, 1), np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)),
]

cases = []
for challenge, voxel, truth, predicted in CASES:
    predicted = disturbed(truth) if predicted is None else predicted
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        paths = [f"{folder}/{name}.nii.gz" for name in ("predicted", "truth")]
        for path, mask in zip(paths, (predicted, truth)):
            nib.save(nib.Nifti1Image(np.where(mask, 3, 0).astype(np.uint8), np.diag([*voxel, 1])), path)
        found = get_LesionWiseResults(*paths, challenge).set_index("Labels").loc["ET"]
    cases.append({
        "challenge": challenge,
        "voxel": voxel,
        "truth": bits(truth),
        "predicted": bits(predicted),
        "dice": float(found.Legacy_Dice),
        "hd95": float(found.Legacy_HD95),
        "sensitivity": float(found.Sensitivity),
        "lesion_dice": float(found.LesionWise_Score_Dice),
        "lesion_hd95": float(found.LesionWise_Score_HD95),
        "found": int(found.Num_TP),
        "missed": int(found.Num_FN),
        "false_findings": int(found.Num_FP),
        "truth_mm3": float(found.GT_Complete_Volume),
    })

print(json.dumps({"shape": SHAPE, "cases": cases}, indent=1))
