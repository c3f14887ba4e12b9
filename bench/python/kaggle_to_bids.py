"""Class folders of pictures to a BIDS derivative, the way a careful script does it with Pillow, nibabel and numpy.

usage: kaggle_to_bids.py SOURCE TARGET
Does what `neuroflare preprocess bids` does: grey values, digests of files and of pixels, exact copies, quality figures, thumbnails,
groups of pictures that correlate over 0.9, a NIfTI a picture, participants.tsv and the sidecars.
"""
import hashlib, json, os, sys

import nibabel as nib
import numpy as np
from PIL import Image, ImageOps

source, target = sys.argv[1:]
LABELS = {"glioma_tumor": "glioma", "meningioma_tumor": "meningioma", "no_tumor": "no_tumor", "pituitary_tumor": "pituitary"}
paths = sorted(os.path.join(folder, name) for folder, _, names in os.walk(source) for name in names)
os.makedirs(target)
affine = np.eye(4)
rows, thumbs, digests = [], [], []
for number, path in enumerate(paths, 1):
    with open(path, "rb") as file:
        file_sha = hashlib.sha256(file.read()).hexdigest()
    picture = ImageOps.exif_transpose(Image.open(path)).convert("L")
    pixels = np.asarray(picture)
    height, width = pixels.shape
    pixel_sha = hashlib.sha256(f"{width}x{height}".encode() + pixels.tobytes()).hexdigest()
    frame = np.concatenate([pixels[:4].ravel(), pixels[-4:].ravel(), pixels[:, :4].ravel(), pixels[:, -4:].ravel()])
    smooth = pixels.astype(np.float32)
    laplacian = smooth[1:-1, 1:-1] * 4 - smooth[:-2, 1:-1] - smooth[2:, 1:-1] - smooth[1:-1, :-2] - smooth[1:-1, 2:]
    quality = [pixels.mean(), np.percentile(pixels, 99), frame.mean(), laplacian.var()]
    thumbs.append(np.asarray(picture.resize((64, 64), Image.BOX), dtype=np.float32).ravel())
    digests.append(pixel_sha)
    subject = f"sub-{number:04d}"
    folder = os.path.join(target, subject, "anat")
    os.makedirs(folder)
    affine[1, 1], affine[1, 3] = -1, height - 1
    image = nib.Nifti1Image(np.ascontiguousarray(pixels.T)[:, :, None], affine)
    nib.save(image, os.path.join(folder, f"{subject}_desc-slice_T1w.nii.gz"))
    label = LABELS[os.path.basename(os.path.dirname(path))]
    rows.append([subject, label, os.path.relpath(path, source), file_sha, pixel_sha, width, height, *quality])

patterns = np.stack(thumbs)
patterns -= patterns.mean(1, keepdims=True)
patterns /= np.maximum(np.linalg.norm(patterns, axis=1, keepdims=True), 1e-9)
near = np.argwhere(np.triu(patterns @ patterns.T, 1) > 0.9)
parents = list(range(len(rows)))


def root(at):
    while parents[at] != at:
        parents[at] = parents[parents[at]]
        at = parents[at]
    return at


for a, b in near:
    if rows[a][1] == rows[b][1]:
        parents[root(b)] = root(a)
first = {}
for at, digest in enumerate(digests):
    if digest in first:
        parents[root(at)] = root(first[digest])
    first.setdefault(digest, at)
with open(os.path.join(target, "participants.tsv"), "w") as table:
    table.write("participant_id\tlabel\tsource\tsha256\tpixel_sha256\twidth\theight\tmean\tp99\tframe\tsharpness\tgroup\n")
    for at, row in enumerate(rows):
        table.write("\t".join(map(str, [*row, f"group-{root(at):04d}"])) + "\n")
for name, content in {
    "dataset_description.json": {"Name": "kaggle", "BIDSVersion": "1.10.0", "DatasetType": "derivative", "GeneratedBy": [{"Name": "script"}]},
    "participants.json": {"label": {"Description": "class"}},
    "desc-slice_T1w.json": {"SkullStripped": False},
}.items():
    with open(os.path.join(target, name), "w") as file:
        json.dump(content, file, indent=2)
