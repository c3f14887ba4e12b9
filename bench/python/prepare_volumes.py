"""Volumes of a BIDS data set to one form, the way a script does it with nibabel and scipy.

usage: prepare_volumes.py SOURCE TARGET PROCESSES
Axes to RAS, voxels of 1 mm (linear), z-score above the mean of the image; gzip level 1, as `neuroflare preprocess volumes` has it.
"""
import multiprocessing, os, sys

import nibabel as nib
import numpy as np
from scipy.ndimage import affine_transform

nib.openers.Opener.default_compresslevel = 1


def prepare(job):
    path, target = job
    image = nib.as_closest_canonical(nib.load(path))
    data = image.get_fdata(dtype=np.float32)
    size = np.array(image.header.get_zooms()[:3], dtype=float)
    shape = np.maximum(1, np.round(np.array(data.shape) * size)).astype(int)
    step = 1 / size
    start = (np.array(data.shape) - 1) / 2 - (shape - 1) / 2 * step
    made = affine_transform(data, step, start, tuple(shape), order=1, mode="nearest")
    affine = image.affine.copy()
    affine[:3, 3] = image.affine[:3, :3] @ start + image.affine[:3, 3]
    affine[:3, :3] = image.affine[:3, :3] * step
    inside = made[made > made.mean()]
    made = ((made - inside.mean()) / inside.std()).astype(np.float32)
    os.makedirs(os.path.dirname(target))
    nib.save(nib.Nifti1Image(made, affine), target)


if __name__ == "__main__":
    source, target, processes = sys.argv[1:]
    jobs = []
    for subject in sorted(name for name in os.listdir(source) if name.startswith("sub-")):
        name = f"{subject}/anat/{subject}_T1w.nii.gz"
        jobs.append((os.path.join(source, name), os.path.join(target, name)))
    if processes == "1":
        for job in jobs:
            prepare(job)
    else:
        with multiprocessing.Pool(int(processes)) as pool:
            pool.map(prepare, jobs, chunksize=1)
