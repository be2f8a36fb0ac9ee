"""AgRNet on a series that is no skeleton clip: the next steps of coupled waves: python examples/series_forecast.py"""

from pathlib import Path

import torch
import tyro
from torch import Tensor

from kineme.encoders.agrnet import AgRNetEncoderConfig
from kineme.series import AgRNetSeries

CHANNELS, LENGTH, HORIZON = 3, 96, 8


def waves(num_series: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Noisy sums of two waves per channel: what is seen (B, L, C), and what follows (B, horizon, C)."""
    time = torch.arange(LENGTH + HORIZON)[:, None, None]
    speed = 0.1 + 0.2 * torch.rand(num_series, 1, 1, 2, generator=generator)
    phase = 6.3 * torch.rand(num_series, 1, CHANNELS, 2, generator=generator)
    series = (speed * time + phase).sin().sum(dim=-1)
    seen = series[:, :LENGTH] + 0.1 * torch.randn(num_series, LENGTH, CHANNELS, generator=generator)
    return seen, series[:, LENGTH:]


def main(out: Path = Path("runs/series-forecast"), subjects: int = 512, epochs: int = 10) -> None:
    """Train a forecaster and compare it with repeating the last value.

    Args:
        out: folder for the weights.
        subjects: how many series to learn from.
        epochs: how often each is seen.
    """
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    config = AgRNetEncoderConfig(width=32, heads=4)
    model = AgRNetSeries(CHANNELS, LENGTH, "forecast", horizon=HORIZON, config=config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    seen, following = waves(subjects, generator)
    for epoch in range(epochs):
        losses = []
        for batch in torch.randperm(subjects, generator=generator).split(64):
            loss = model.loss(seen[batch], following[batch])
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss.item())
        print(f"epoch {epoch + 1}: loss {sum(losses) / len(losses):.3f}")

    seen, following = waves(256, generator)
    with torch.inference_mode():
        error = (model.eval()(seen) - following).square().mean().item()
    last = (seen[:, -1:] - following).square().mean().item()
    print(f"mean squared error {error:.3f}; of repeating the last value {last:.3f}")
    out.mkdir(parents=True, exist_ok=True)
    torch.save(model.state_dict(), out / "weights.pt")


if __name__ == "__main__":
    tyro.cli(main)
