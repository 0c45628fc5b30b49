"""Recipe: the joint selector, from visual features and labelled segments.

N windows, C channels, J = 24 joints

Trains all 793,368 parameters of the network of supplement 6.1 on every window of the segments of
the persons trained on. Then it chooses the joints of each segment of the persons held out, as
``run`` will, and compares them with the labels; beside it stands a table with one row an exercise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import Dataset

from qevd_bio.arrays import Float32Array, FloatArray
from qevd_bio.choices import SelectorLoss
from qevd_bio.errors import DataError
from qevd_bio.features.feature_files import VideoFeatures
from qevd_bio.features.joint_selector import (
    WINDOW_MAPS,
    JointSelector,
    pooled_tokens,
    segment_maps,
    window_means,
)
from qevd_bio.features.selector_folder import save_selector
from qevd_bio.files.digest import sha256_json
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.tables.features import network_identity
from qevd_bio.training.configuration import TrainingConfig
from qevd_bio.training.loop import Batch, Task
from qevd_bio.training.order import seed_of
from qevd_bio.training.recipe import Recipe
from qevd_bio.training.selector_figures import (
    exercise_table,
    selector_figures,
    table_scores,
)
from qevd_bio.training.selector_labels import LabelledSegment, split_by_person
from qevd_bio.training.with_features import LEFT_OUT, with_features

SELECTOR_FOLDER = "selector"


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectorConfig(TrainingConfig):
    """Configuration of ``train selector``.

    Attributes
    ----------
    release : Path or None
        Folder of the release with the segments.
    work : Path or None
        Work folder with their visual features.
    labels : Path or None
        Annotation file of salient joints; without it labels are weak.
    persons : Path or None
        CSV of video_id and person.
    rules : Path or None
        Folder of the user's rules.
    loss : str
        ``plain``: binary cross-entropy summed over the joints. ``balanced``: the windows that
        name a joint and those that do not weigh the same in all.
    held_out_share : float
        Share of the persons that are held out where the release has no split ``test``.
    decide_s : float
        The selector decides from so much of a segment's beginning.
    window_maps : int
        Feature maps that are averaged to one window; 12 (3 s) in the paper.
    """

    release: Path | None = None
    work: Path | None = None
    labels: Path | None = None
    persons: Path | None = None
    rules: Path | None = None
    loss: SelectorLoss = "plain"
    held_out_share: float = 0.2
    decide_s: float = 12.0
    window_maps: int = WINDOW_MAPS
    epochs: int = 20
    batch_size: int = 256
    micro_batch: int = 256

    def range_issue(self) -> str | None:
        """Check the share held out and the time to decide."""
        if not 0.0 < self.held_out_share < 1.0:
            return f"held_out_share must lie between 0 and 1, not {self.held_out_share}"
        if not self.decide_s > 0.0:
            return f"decide_s must be more than 0, not {self.decide_s}"
        if self.window_maps < 1:
            return f"window_maps must be 1 or more, not {self.window_maps}"
        return None


@dataclass(frozen=True, slots=True)
class SelectorData:
    """Labelled segments with the pooled features of their videos.

    Attributes
    ----------
    segments : sequence of LabelledSegment
        Of all persons.
    pooled : mapping of str to (ndarray (L, C), ndarray (L,))
        By video: pooled tokens and their times.
    network : str
        Identity of the network that made the features.
    labels : str
        Where the labels come from.
    left_out : tuple of str
        Videos without features: their segments are none of these.
    """

    segments: Sequence[LabelledSegment]
    pooled: Mapping[str, tuple[Float32Array, FloatArray]]
    network: str
    labels: str
    left_out: tuple[str, ...] = ()

    def windows(
        self, segment: LabelledSegment, window_maps: int, decide_s: float = np.inf
    ) -> Float32Array:
        """Return the windows (W, C) of a segment, or of its beginning."""
        pooled, time_s = self.pooled[segment.video_id]
        maps = segment_maps(time_s, segment.start_s, segment.end_s, decide_s)
        return window_means(pooled[maps], window_maps)


class WindowDataset(Dataset[tuple[Tensor, Tensor]]):
    """Windows of segments, each with the labels of its segment.

    Parameters
    ----------
    windows : ndarray (N, C)
        Pooled tokens.
    labels : ndarray (N, J)
        1 for a salient joint, else 0.
    """

    def __init__(self, windows: Float32Array, labels: Float32Array) -> None:
        self.windows, self.labels = torch.from_numpy(windows), torch.from_numpy(labels)

    def __len__(self) -> int:
        """Count the windows."""
        return len(self.windows)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Return a window and its labels."""
        return self.windows[index], self.labels[index]


def gathered(
    segments: Sequence[LabelledSegment],
    features_of: Callable[[str], VideoFeatures],
    labels: str,
    has_features: Callable[[str], bool] = lambda _video: True,
) -> SelectorData:
    """Read and pool the features of labelled segments, video by video.

    Videos without features are left out, see `with_features`.

    Raises
    ------
    DataError
        The features of two videos are of different networks, or no video has any.
    """
    segments, left_out = with_features(segments, has_features)
    pooled: dict[str, tuple[Float32Array, FloatArray]] = {}
    network = ""
    for video in dict.fromkeys(one.video_id for one in segments):
        found = features_of(video)
        own = network_identity(found.about)
        if pooled and own != network:
            raise DataError(
                f"the features are of {own}, those of other videos of {network}",
                where=f"video {video}",
                next_step="Make the features of all videos with one network",
            )
        network = own
        pooled[video] = pooled_tokens(found.values), found.time_s
    return SelectorData(segments, pooled, network, labels, left_out)


def selector_recipe(config: SelectorConfig, data: SelectorData) -> Recipe:
    """Prepare the training of a joint selector.

    Raises
    ------
    UsageError
        The persons cannot be divided.
    DataError
        No segment has a feature map.
    """
    trained_on, held_out = split_by_person(list(data.segments), config.held_out_share, config.seed)
    dataset = _window_dataset(data, trained_on, config.window_maps)
    torch.manual_seed(seed_of(config.seed))
    selector = JointSelector(dataset.windows.shape[1], config.window_maps)
    selector.standardise(dataset.windows)
    weights = joint_weights(dataset.labels, config.loss)

    def loss(model: nn.Module, batch: Batch, row_seeds: list[int]) -> Tensor:
        logits = model(batch["windows"], row_seeds)
        losses = functional.binary_cross_entropy_with_logits(
            logits.float(), batch["labels"], reduction="none"
        )
        salient, other = (one.to(losses.device) for one in weights)
        return torch.sum(losses * torch.where(batch["labels"] > 0, salient, other))

    def finish(folder: Path) -> dict[str, JsonValue]:
        selector.cpu().eval()
        report = _report(selector, data, trained_on, held_out, config.decide_s)
        save_selector(
            folder / SELECTOR_FOLDER, selector, features=data.network,
            decide_s=config.decide_s, labels=data.labels, report=report,
        )  # fmt: skip
        return report

    return Recipe(
        name="selector",
        config=config,
        task=Task(
            model=selector,
            dataset=dataset,
            collate=_collate,
            loss=loss,
            weight=lambda batch: float(len(batch["windows"])),
            items=lambda batch: len(batch["windows"]),
        ),
        made_from=_digests(data),
        finish=finish,
        result=SELECTOR_FOLDER,
    )


def joint_weights(labels: Tensor, loss: SelectorLoss) -> tuple[Tensor, Tensor]:
    """Weigh the loss of a joint that is salient, and of one that is not.

    Parameters
    ----------
    labels : Tensor (N, J)
        0 or 1.
    loss : str
        ``plain`` or ``balanced``.

    Returns
    -------
    salient, other : Tensor (J,)
        1 in a plain loss. In a balanced one both kinds of windows have a total weight of N / 2;
        1 for a joint that has only one kind.
    """
    count, positives = len(labels), labels.sum(dim=0)
    negatives = count - positives
    if loss == "plain":
        return torch.ones_like(positives), torch.ones_like(positives)
    has_both = (positives > 0) & (negatives > 0)
    return (
        torch.where(has_both, count / (2.0 * positives.clamp(min=1)), 1.0),
        torch.where(has_both, count / (2.0 * negatives.clamp(min=1)), 1.0),
    )


def segment_scores(
    selector: JointSelector, data: SelectorData, segment: LabelledSegment, decide_s: float
) -> FloatArray | None:
    """Score the joints (J,) of a segment as `TrainedSelector.scores` does; None without a map."""
    windows = data.windows(segment, selector.window_maps, decide_s)
    if not len(windows):
        return None
    with torch.inference_mode():
        importance = torch.sigmoid(selector(torch.from_numpy(windows)))
    return np.asarray(importance.double().mean(dim=0).numpy())


def _window_dataset(
    data: SelectorData, segments: Sequence[LabelledSegment], window_maps: int
) -> WindowDataset:
    by_segment = [(data.windows(one, window_maps), one.is_salient) for one in segments]
    windows = np.concatenate([windows for windows, _ in by_segment])
    if not len(windows):
        raise DataError(
            "no feature map lies within a labelled segment",
            where="features",
            next_step="Check that features and release are of the same videos and clock",
        )
    labels = np.concatenate([np.tile(flags, (len(w), 1)) for w, flags in by_segment])
    return WindowDataset(windows, labels.astype(np.float32))


def _collate(samples: list[tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
    windows, labels = zip(*samples, strict=True)
    return {"windows": torch.stack(windows), "labels": torch.stack(labels)}


def _digests(data: SelectorData) -> dict[str, str]:
    labels: list[JsonValue] = [
        [s.video_id, s.person, s.index, s.start_s, s.end_s, sorted(s.joints)]
        for s in data.segments
    ]
    pooled = {
        video: sha256(arrays[0].tobytes()).hexdigest() for video, arrays in data.pooled.items()
    }
    return {
        "network of the features": data.network,
        "features": sha256_json(pooled),
        "labels": sha256_json(labels),
        **({LEFT_OUT: ", ".join(data.left_out)} if data.left_out else {}),
    }


def _report(
    selector: JointSelector,
    data: SelectorData,
    trained_on: Sequence[LabelledSegment],
    held_out: Sequence[LabelledSegment],
    decide_s: float,
) -> dict[str, JsonValue]:
    """Compare selector and table with the labels of the persons held out."""
    scored = [(one, segment_scores(selector, data, one, decide_s)) for one in held_out]
    seen = [(one, scores) for one, scores in scored if scores is not None]
    if not seen:
        raise DataError(
            "no feature map lies within a segment of the persons held out",
            where="features",
            next_step="Check that features and release are of the same videos and clock",
        )
    segments, scores = [one for one, _ in seen], np.array([scores for _, scores in seen])
    table = exercise_table(trained_on)
    return {
        "labels": data.labels,
        "features": data.network,
        "persons_trained_on": len({one.person for one in trained_on}),
        "persons_held_out": len({one.person for one in held_out}),
        "segments_trained_on": len(trained_on),
        "segments_without_features": len(scored) - len(seen),
        "selector": asdict(selector_figures(segments, scores, table)),
        "table": asdict(selector_figures(segments, table_scores(table, segments), table)),
    }
