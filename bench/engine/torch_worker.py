"""Trains one model of the bench with PyTorch, a few steps whenever a line comes in.

usage: torch_worker.py MODEL SIZE default|channels_last THREADS
"""
import json, resource, sys, time

import torch
from torch import nn

name, size, layout, threads = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
torch.set_num_threads(threads)
torch.manual_seed(0)


def conv(c, k, kernel=3, stride=1, bias=True, groups=1):
    return nn.Conv2d(c, k, kernel, stride, kernel // 2, bias=bias, groups=groups)


class Residual(nn.Module):
    def __init__(self, c, k, stride):
        super().__init__()
        norm = lambda: nn.GroupNorm(8, k)
        self.body = nn.Sequential(conv(c, k, 3, stride, False), norm(), nn.ReLU(), conv(k, k, bias=False), norm())
        self.shortcut = nn.Identity() if c == k else nn.Sequential(conv(c, k, 1, stride, False), norm())

    def forward(self, x):
        return torch.relu(self.body(x) + self.shortcut(x))


def pooled(stage):
    layers, c = [], 1
    for k in (16, 32, 64):
        layers += stage(c, k) + [nn.MaxPool2d(2)]
        c = k
    return layers + stage(c, 128) + [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 4)]


def resnet():
    layers, c = [conv(1, 16, 3, 2, False), nn.GroupNorm(8, 16), nn.ReLU()], 16
    for k, stride in ((16, 1), (16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), (128, 1)):
        layers.append(Residual(c, k, stride))
        c = k
    return layers + [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 4)]


def mobilenet():
    layers, c = [conv(1, 16, 3, 2, False), nn.BatchNorm2d(16), nn.ReLU6()], 16
    for k, stride in ((32, 1), (64, 2), (64, 1), (128, 2), (128, 1), (256, 2)):
        layers += [conv(c, c, 3, stride, False, c), nn.BatchNorm2d(c), nn.ReLU6()]
        layers += [conv(c, k, 1, 1, False), nn.BatchNorm2d(k), nn.ReLU6()]
        c = k
    return layers + [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, 4)]


def cnn3d():
    layers, c = [], 1
    for k in (8, 16, 32):
        layers += [nn.Conv3d(c, k, 3, padding=1), nn.ReLU(), nn.MaxPool3d(2)]
        c = k
    return layers + [nn.Flatten(), nn.Linear(32 * (size // 8) ** 3, 64), nn.ReLU(), nn.Linear(64, 4)]


MODELS = {
    "reference": lambda: pooled(lambda c, k: [conv(c, k), nn.ReLU()]),
    "batchnorm": lambda: pooled(lambda c, k: [conv(c, k, bias=False), nn.BatchNorm2d(k), nn.ReLU()]),
    "resnet": resnet,
    "mobilenet": mobilenet,
    "cnn3d": cnn3d,
}

volume = name == "cnn3d"
batch = 4 if volume else 32
model = nn.Sequential(*MODELS[name]())
x = torch.randn(batch, 1, *[size] * (3 if volume else 2))
y = torch.arange(batch) % 4
if layout == "channels_last":
    form = torch.channels_last_3d if volume else torch.channels_last
    model, x = model.to(memory_format=form), x.contiguous(memory_format=form)
optimizer = torch.optim.Adam(model.parameters(), 1e-3)
loss_function = nn.CrossEntropyLoss()


def step():
    optimizer.zero_grad()
    loss = loss_function(model(x), y)
    loss.backward()
    optimizer.step()
    return loss.item()


for line in sys.stdin:
    wall, cpu = [], []
    for _ in range(int(line)):
        c, t = time.process_time(), time.perf_counter()
        step()
        wall.append((time.perf_counter() - t) * 1000)
        cpu.append((time.process_time() - c) * 1000)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"wall": wall, "cpu": cpu, "memory": memory}), flush=True)
