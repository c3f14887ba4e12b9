"""Logit adjustment (Menon et al., 2021, equation 10) in PyTorch: a linear softmax on lopsided classes, whose loss is the cross entropy of the
logits plus tau times the logarithm of the prior, with label smoothing; SGD whose learning rate rises over the first steps. Prints
test/parity/logit_adjustment.json:

    python test/parity/logit_adjustment.py > test/parity/logit_adjustment.json
"""
import json
import torch

torch.manual_seed(3)
torch.set_default_dtype(torch.float64)
COUNTS, TAU, SMOOTHING, RATE, WARMUP, BATCH = [9, 2, 1], 0.7, 0.1, 0.5, 3, 4
labels = torch.tensor([0, 1, 0, 0, 2, 0, 0, 1, 0, 0, 0, 0])
inputs = torch.randn(len(labels), 4)
kernel = (0.3 * torch.randn(4, 3)).requires_grad_()
bias = torch.zeros(3, requires_grad=True)
result = {"counts": COUNTS, "tau": TAU, "smoothing": SMOOTHING, "rate": RATE, "warmup": WARMUP, "batch": BATCH}
result |= {"labels": labels.tolist(), "inputs": inputs.tolist(), "kernel": kernel.tolist()}

prior = torch.tensor(COUNTS) / sum(COUNTS)
loss_of = torch.nn.CrossEntropyLoss(label_smoothing=SMOOTHING)
optimizer = torch.optim.SGD([kernel, bias], lr=RATE)
schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1, (step + 1) / WARMUP))
losses = []
for step in range(6):
    rows = torch.arange(step * BATCH, (step + 1) * BATCH) % len(labels)
    loss = loss_of(inputs[rows] @ kernel + bias + TAU * prior.log(), labels[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    schedule.step()
    losses.append(loss.item())
result |= {"losses": losses, "trained": {"kernel": kernel.tolist(), "bias": bias.tolist()}}
print(json.dumps(result, indent=2))
