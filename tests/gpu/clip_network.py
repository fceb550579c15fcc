"""A small network of clips that holds what traces keep of the CPU they were made on: convolutions, and numbers that are made and
converted while it runs. For launch/device_check.sh, exported by launch/export_encoder.py --model module:."""

import torch


class ClipNetwork(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.first = torch.nn.Conv3d(3, 24, (3, 7, 7), stride=(1, 2, 2), padding=(1, 3, 3))
        self.second = torch.nn.Conv3d(24, 48, 3, stride=2, padding=1)
        self.attention = torch.nn.MultiheadAttention(48, 4, batch_first=True)
        self.last = torch.nn.Linear(48, 10)

    def forward(self, x):
        x = torch.relu(self.second(torch.relu(self.first(x))))
        rows = x.mean((3, 4)).transpose(1, 2)
        times = torch.arange(rows.shape[1], dtype=torch.float32, device=x.device)
        waves = torch.sin(times[:, None] * torch.linspace(0.1, 1, 48)).to(device=rows.device, dtype=rows.dtype)
        rows = rows + waves
        rows = rows + self.attention(rows, rows, rows, need_weights=False)[0]
        return self.last(rows.to(torch.float32).mean(1))


def build():
    return ClipNetwork()
