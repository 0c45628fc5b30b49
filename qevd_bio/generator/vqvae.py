"""BIGE's VQ-VAE over joint kinematics, at a size that a CPU can train.

S cycles, L frames, C channels, l = L / 4 latents of a cycle, d width, K codes, h heads

Maheshwari et al., section 3.1 and supplement, table 2. The codebook follows the latents by an
exponential moving average; codes that nothing chooses are put onto latents of the batch. Unlike
there, a latent is cut into h parts with a codebook each: one code for legs, trunk and arms
together is as many squats as there are codes, and what tells right from left is lost first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from qevd_bio.errors import DataError, UsageError

_SIDED_RATE = 0.3
_LEAST_APART = 1e-6
_DEAD = 0.5
"""A code is dead when fewer latents than this choose it in a batch, on average."""


@dataclass(frozen=True, slots=True)
class VqvaeOptions:
    """Size and training; the paper's values are in brackets.

    Attributes
    ----------
    width : int
        Channels inside, and length of a code (512, on GPUs).
    codes, heads : int
        Entries of a codebook (512), and how many codebooks there are (1).
    epochs, batch : int
        Passes over the cycles (300,000 batches), cycles of a batch (128).
    rate : float
        Of Adam (2e-4).
    commitment, temporal : float
        Weights of the losses of commitment (.02) and of steps between frames (not stated).
    decay : float
        Of the moving average of the codebook (not stated).
    sided_epochs, sided : int, float
        Further passes in which differences of right and left count, in their own spread, and how
        much (none): they are small beside the angles, and are lost first.
    seed : int
        Of everything that is drawn.

    Raises
    ------
    UsageError
        A latent of this width cannot be cut into so many parts.
    """

    width: int = 96
    codes: int = 128
    heads: int = 8
    epochs: int = 200
    batch: int = 64
    rate: float = 1e-3
    commitment: float = 0.02
    temporal: float = 1e-3
    decay: float = 0.95
    sided_epochs: int = 8
    sided: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.width, self.codes, self.heads) < 1:
            raise UsageError(
                f"width {self.width}, codes {self.codes} and heads {self.heads} must be 1 or more",
                where="width, codes, heads",
                next_step="Give positive numbers",
            )
        if self.width % self.heads:
            lower = self.width // self.heads * self.heads
            near = [one for one in (lower, lower + self.heads) if one]
            raise UsageError(
                f"{self.width} cannot be cut into {self.heads} parts",
                where="width",
                next_step=f"Give a multiple of {self.heads}, as {' or '.join(map(str, near))}",
            )


class _Residual(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.wide = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.narrow = nn.Conv1d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = x + self.narrow(functional.silu(self.wide(functional.silu(x))))
        return found


class Vqvae(nn.Module):
    """Cycles (S, L, C) through a codebook and back; L is a multiple of four."""

    codebook: Tensor
    chosen: Tensor
    summed: Tensor

    def __init__(self, channels: int, options: VqvaeOptions) -> None:
        super().__init__()
        width = options.width
        self.options = options
        self.encoder = nn.Sequential(
            nn.Conv1d(channels, width, 3, padding=1),
            nn.Conv1d(width, width, 4, stride=2, padding=1), _Residual(width, 3),
            _Residual(width, 1),
            nn.Conv1d(width, width, 4, stride=2, padding=1), _Residual(width, 3),
            _Residual(width, 1),
            nn.Conv1d(width, width, 3, padding=1),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Conv1d(width, width, 3, padding=1), _Residual(width, 3), _Residual(width, 1),
            nn.Upsample(scale_factor=2), nn.Conv1d(width, width, 3, padding=1),
            _Residual(width, 3), _Residual(width, 1),
            nn.Upsample(scale_factor=2), nn.Conv1d(width, width, 3, padding=1), nn.SiLU(),
            nn.Conv1d(width, channels, 3, padding=1),
        )  # fmt: skip
        codebook = torch.randn(options.heads, options.codes, width // options.heads)
        self.register_buffer("codebook", codebook)
        self.register_buffer("chosen", torch.ones(options.heads, options.codes))
        self.register_buffer("summed", codebook.clone())

    def encode(self, cycles: Tensor) -> Tensor:
        """Return latents (S, l, d) before they are quantised."""
        found: Tensor = self.encoder(cycles.transpose(1, 2))
        return found.transpose(1, 2)

    def decode(self, latents: Tensor) -> Tensor:
        """Return cycles (S, L, C) of latents (S, l, d)."""
        found: Tensor = self.decoder(latents.transpose(1, 2))
        return found.transpose(1, 2)

    def nearest(self, latents: Tensor) -> Tensor:
        """Return the numbers (..., h) of the codes nearest to the parts of latents (..., d)."""
        parts = self._parts(latents)
        return torch.cdist(parts, self.codebook).argmin(dim=2).T.reshape(*latents.shape[:-1], -1)

    def looked_up(self, codes: Tensor) -> Tensor:
        """Return the latents (..., d) of codes (..., h)."""
        found: Tensor = self.codebook[torch.arange(self.options.heads), codes]
        return found.flatten(-2)

    def quantised(self, latents: Tensor) -> Tensor:
        """Return the latents (..., d) of the nearest codes."""
        return self.looked_up(self.nearest(latents))

    def _parts(self, latents: Tensor) -> Tensor:
        """Cut latents (..., d) up, one codebook after the other (h, n, d / h)."""
        heads = self.options.heads
        return latents.reshape(-1, heads, latents.shape[-1] // heads).transpose(0, 1)

    def forward(self, cycles: Tensor) -> tuple[Tensor, Tensor]:
        """Return rebuilt cycles and the commitment loss; in training the codebook follows."""
        latents = self.encode(cycles)
        codes = self.nearest(latents.detach())
        if self.training:
            self._follow(latents.detach(), codes)
        quantised = self.looked_up(codes)
        commitment = functional.mse_loss(latents, quantised)
        # gradients pass the quantisation as if it were not there
        return self.decode(latents + (quantised - latents).detach()), commitment

    @torch.no_grad()
    def _follow(self, latents: Tensor, codes: Tensor) -> None:
        """Move the codebooks towards the latents (..., d) that chose them; reassign dead codes."""
        share = 1.0 - self.options.decay
        parts = self._parts(latents)
        one_hot = functional.one_hot(codes.reshape(-1, codes.shape[-1]).T, self.options.codes)
        picked = one_hot.to(latents.dtype)
        self.chosen.lerp_(picked.sum(dim=1), share)
        self.summed.lerp_(picked.transpose(1, 2) @ parts, share)
        self.codebook.copy_(self.summed / self.chosen.clamp(min=1e-5)[..., None])
        head, dead = torch.nonzero(self.chosen < _DEAD, as_tuple=True)
        if len(dead):
            drawn = torch.randint(parts.shape[1], (len(dead),), generator=self._generator(codes))
            self.codebook[head, dead] = parts[head, drawn]
            self.summed[head, dead] = parts[head, drawn]
            self.chosen[head, dead] = 1.0

    def _generator(self, codes: Tensor) -> torch.Generator:
        """Draw alike for alike batches."""
        return torch.Generator().manual_seed(self.options.seed + int(codes.sum()))


def fit_vqvae(
    cycles: Tensor, options: VqvaeOptions, pairs: Sequence[tuple[int, int]] = ()
) -> Vqvae:
    """Train on cycles (S, L, C): reconstruction, steps between frames, commitment.

    `pairs` are right and left channels; without them no passes are for their differences.

    Raises
    ------
    DataError
        Right and left of a pair never differ.
    """
    if pairs:
        _apart(cycles, pairs)
    torch.manual_seed(options.seed)
    network = Vqvae(cycles.shape[2], options)
    optimiser = torch.optim.Adam(network.parameters(), lr=options.rate)
    batches = -(-len(cycles) // options.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, options.rate, total_steps=options.epochs * batches
    )
    generator = torch.Generator().manual_seed(options.seed)
    for _ in range(options.epochs):
        for rows in _batches(len(cycles), options, generator):
            loss, _ = _loss(network, cycles[rows])
            _step(network, optimiser, loss)
            schedule.step()
    return sided(network, cycles, pairs).eval() if pairs else network.eval()


def sided(network: Vqvae, cycles: Tensor, pairs: Sequence[tuple[int, int]]) -> Vqvae:
    """Train on until differences of right and left channels come back, too.

    Raises
    ------
    DataError
        Right and left of a pair never differ.
    """
    network.train()
    options = network.options
    right, left = torch.tensor(list(pairs)).T
    spread = _apart(cycles, pairs)
    optimiser = torch.optim.Adam(network.parameters(), lr=_SIDED_RATE * options.rate)
    generator = torch.Generator().manual_seed(options.seed + 1)
    for _ in range(options.sided_epochs):
        for rows in _batches(len(cycles), options, generator):
            loss, off = _loss(network, cycles[rows])
            apart = (off[..., right] - off[..., left]) / spread
            _step(network, optimiser, loss + options.sided * apart.square().mean())
    return network


def _apart(cycles: Tensor, pairs: Sequence[tuple[int, int]]) -> Tensor:
    """Return the spread (pairs,) of right from left in cycles (S, L, C)."""
    right, left = torch.tensor(list(pairs)).T
    spread = (cycles[..., right] - cycles[..., left]).std(dim=(0, 1))
    alike = [pair for pair, one in zip(pairs, spread, strict=True) if not one > _LEAST_APART]
    if alike:
        raise DataError(
            f"right and left (channels {alike[0]}) never differ: there is no difference to learn",
            where="cycles",
            next_step="Train on cycles of both sides, or leave this pair out",
        )
    return spread


def _batches(count: int, options: VqvaeOptions, generator: torch.Generator) -> Sequence[Tensor]:
    return torch.split(torch.randperm(count, generator=generator), options.batch)


def _loss(network: Vqvae, cycles: Tensor) -> tuple[Tensor, Tensor]:
    """Return the loss and what rebuilt cycles are off (S, L, C)."""
    rebuilt, commitment = network(cycles)
    off = rebuilt - cycles
    steps = (rebuilt[:, 1:] - rebuilt[:, :-1]).square().mean()
    options = network.options
    whole = off.square().mean() + options.temporal * steps + options.commitment * commitment
    return whole, off


def _step(network: Vqvae, optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimiser.step()


@torch.no_grad()
def sampled_latents(network: Vqvae, codes: Tensor, count: int, seed: int) -> Tensor:
    """Look up `count` made-up sequences of codes (count, l, d).

    Each place of a sequence takes the codes that a randomly drawn training cycle, one of
    (S, l, h), has there: the paper's samples from the latent space of the encoder.
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(len(codes), (count, codes.shape[1]), generator=generator)
    return network.looked_up(codes[drawn, torch.arange(codes.shape[1])])
