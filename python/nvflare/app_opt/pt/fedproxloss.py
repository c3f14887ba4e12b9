"""The term of FedProx (Li et al. 2020) for torch: mu / 2 |w - w0|^2."""

import torch
from torch.nn.modules.loss import _Loss


class PTFedProxLoss(_Loss):
    def __init__(self, mu=0.01):
        super().__init__()
        if mu < 0.0:
            raise ValueError("mu should be no less than 0.0")
        self.mu = mu

    def forward(self, input, target):
        """Of the parameters of two modules: the one that is trained, and a copy of the received one."""
        pairs = zip(input.parameters(), target.parameters())
        return sum(((self.mu / 2) * torch.sum((own - received) ** 2) for own, received in pairs), torch.tensor(0.0))
