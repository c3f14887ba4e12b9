"""A site: one epoch a round on its own slices. usage: client.py BIDS SPLIT"""
import csv, json, os, sys

import nibabel as nib
import numpy as np
import nvflare.client as flare
import torch
from model import MriCnn
from PIL import Image
from torch import nn

SIZE, CLASSES = 128, ["glioma", "meningioma", "no_tumor", "pituitary"]
bids, split = sys.argv[1:]


def load(subjects, labels):
    images = np.empty((len(subjects), 1, SIZE, SIZE), np.float32)
    for at, subject in enumerate(subjects):
        volume = nib.load(os.path.join(bids, subject, "anat", f"{subject}_desc-slice_T1w.nii.gz")).get_fdata(dtype=np.float32)
        pixels = np.asarray(Image.fromarray(volume[:, :, 0].T).resize((SIZE, SIZE), Image.BILINEAR))
        images[at, 0] = (pixels - pixels.mean()) / (pixels.std() + 1e-6)
    return torch.from_numpy(images), torch.tensor([CLASSES.index(labels[subject]) for subject in subjects])


flare.init()
site = flare.get_site_name()
with open(os.path.join(bids, "participants.tsv")) as file:
    table = list(csv.DictReader(file, delimiter="\t"))
labels = {row["participant_id"]: row["diagnosis"] for row in table}
part = next(one for one in json.load(open(split))["sites"] if one["name"] == site)
train, validation = load(part["train"], labels), load(part["validation"], labels)
model, loss = MriCnn(), nn.CrossEntropyLoss()
while flare.is_running():
    received = flare.receive()
    model.load_state_dict({name: torch.as_tensor(value) for name, value in received.params.items()})
    model.eval()
    with torch.no_grad():
        accuracy = float((model(validation[0]).argmax(1) == validation[1]).float().mean())
    model.train()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    order = torch.randperm(len(train[0]))
    for batch in order.split(32):
        optimizer.zero_grad()
        loss(model(train[0][batch]), train[1][batch]).backward()
        optimizer.step()
    params = {name: value.cpu().numpy() for name, value in model.state_dict().items()}
    flare.send(flare.FLModel(params=params, metrics={"accuracy": accuracy}))
