"""U-Nets of residual blocks with deep supervision, trained a few steps by PyTorch: what test/unit/learning/unet.test.ts is held to.

Run: python test/parity/unet.py > test/parity/unet.json   (torch 2.x)

Parameters and inputs are sines, so that both sides make the same ones: of parameter `name` in the axis order of TensorFlow
(kernel axes, in, out), element i is sin(1.3 i + sum of the character codes of name), scaled below.
"""

import json
import math
import sys

import torch
import torch.nn.functional as F

torch.manual_seed(0)
torch.set_num_threads(1)


def sines(name, count):
    phase = sum(map(ord, name))
    return torch.tensor([math.sin(1.3 * i + phase) for i in range(count)], dtype=torch.float64)


class Net:
    def __init__(self, axes, width, levels, labels, channels):
        self.axes, self.width, self.levels, self.outputs, self.channels = axes, width, levels, labels + 1, channels
        self.params = {}
        self.conv = F.conv3d if axes == 3 else F.conv2d

    def param(self, name, shape):
        if name not in self.params:
            count = math.prod(shape)
            values = sines(name, count).reshape(shape)
            if name.endswith("/kernel"):
                values = values * math.sqrt(3 / math.prod(shape[:-1]))
                values = values.permute(len(shape) - 1, len(shape) - 2, *range(len(shape) - 2))
            elif name.endswith("/gamma"):
                values = 1 + 0.1 * values
            else:
                values = 0.1 * values
            self.params[name] = values.to(torch.float32).contiguous().requires_grad_()
        return self.params[name]

    def apply_conv(self, x, name, filters, size, stride=1, bias=False):
        kernel = self.param(f"{name}/kernel", [size] * self.axes + [x.shape[1], filters])
        b = self.param(f"{name}/bias", [filters]) if bias else None
        # 'same' as TensorFlow has it: what is left over of the padding goes to the end.
        pads = []
        for length in reversed(x.shape[2:]):
            total = max((math.ceil(length / stride) - 1) * stride + size - length, 0)
            pads += [total // 2, total - total // 2]
        return self.conv(F.pad(x, pads), kernel, b, stride=stride)

    def norm(self, x, name):
        c = x.shape[1]
        return F.group_norm(x, 8, self.param(f"{name}/gamma", [c]), self.param(f"{name}/beta", [c]), 1e-5)

    def block(self, x, name, filters, stride=1):
        y = self.norm(self.apply_conv(x, f"{name}_conv1", filters, 3, stride), f"{name}_norm1").relu()
        y = self.norm(self.apply_conv(y, f"{name}_conv2", filters, 3), f"{name}_norm2")
        if x.shape[1] != filters or stride != 1:
            x = self.norm(self.apply_conv(x, f"{name}_shortcut", filters, 1, stride), f"{name}_shortcut_norm")
        return (x + y).relu()

    def level(self, x, at, heads):
        filters = self.width * 2**at
        down = self.block(x, f"down{at}", filters, 1 if at == 0 else 2)
        if at == self.levels - 1:
            return down
        up = self.apply_conv(self.level(down, at + 1, heads), f"up{at}_conv", filters, 1)
        up = F.interpolate(up, scale_factor=2, mode="nearest")
        back = self.block(torch.cat([down, up], 1), f"back{at}", filters)
        if at > 0:
            heads.append(self.apply_conv(back, f"logits{at}", self.outputs, 1, bias=True))
        return back

    def forward(self, x):
        heads = []
        back = self.level(x, 0, heads)
        return self.apply_conv(back, "logits", self.outputs, 1, bias=True), heads


def one_loss(logits, target):
    """Cross entropy, and Dice of each example over all channels but the background; target are shares of the classes."""
    log = F.log_softmax(logits, 1)
    cross = -(target * log).sum(1).flatten(1).mean(1)
    p = log.exp().flatten(2)
    t = target.flatten(2)
    dice = (2 * (p * t).sum(2) + 1) / (p.sum(2) + t.sum(2) + 1)
    return (cross + 1 - dice[:, 1:].mean(1)).mean()


def loss_of(net, x, target):
    logits, heads = net.forward(x)
    levels = [logits, *reversed(heads)]
    pool = F.avg_pool3d if net.axes == 3 else F.avg_pool2d
    total, weights = 0, 0
    for at, outputs in enumerate(levels):
        while target.shape[2] > outputs.shape[2]:
            target = pool(target, 2)
        total = total + one_loss(outputs, target) * 2**-at
        weights += 2**-at
    return total / weights, logits


def run(axes, patch, width, levels, labels, channels):
    """patch in the order of the axes of the tensor, slowest first."""
    net = Net(axes, width, levels, labels, channels)
    size = 2
    last = [size, *patch, channels]
    x = sines("x", math.prod(last)).reshape(last)
    x = x.permute(0, axes + 1, *range(1, axes + 1)).to(torch.float32).contiguous()
    voxels = size * math.prod(patch)
    classes = torch.tensor([(i * i // 7) % (labels + 1) for i in range(voxels)]).reshape([size, *patch])
    target = F.one_hot(classes, labels + 1).permute(0, axes + 1, *range(1, axes + 1)).to(torch.float32)
    losses, logits = [], None
    for step in range(4):
        loss, outputs = loss_of(net, x, target)
        if step == 0:
            logits = outputs.detach().permute(0, *range(2, axes + 2), 1).flatten()
        losses.append(loss.item())
        grads = torch.autograd.grad(loss, list(net.params.values()))
        if step == 0:
            norms = {n: g.norm().item() for n, g in zip(net.params, grads)}
        with torch.no_grad():
            for p, g in zip(net.params.values(), grads):
                p -= 0.1 * g
    return {
        "axes": axes, "patch": patch, "width": width, "levels": levels, "labels": labels, "channels": channels,
        "losses": losses, "logits": logits[:24].tolist(), "gradient_norms": norms,
    }


json.dump(
    {
        "torch": torch.__version__,
        "networks": [run(2, [8, 16], 8, 3, 2, 2), run(3, [4, 8, 4], 8, 3, 1, 1)],
    },
    sys.stdout,
    indent=1,
)
