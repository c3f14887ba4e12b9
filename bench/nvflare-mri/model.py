"""The reference CNN in PyTorch: the layers of `mri-cnn`."""
from torch import nn


class MriCnn(nn.Module):
    def __init__(self):
        super().__init__()
        layers, channels = [], 1
        for width, is_last in ((16, False), (32, False), (64, False), (128, True)):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            layers.append(nn.AdaptiveMaxPool2d(1) if is_last else nn.MaxPool2d(2))
            channels = width
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 4))

    def forward(self, images):
        return self.body(images)
