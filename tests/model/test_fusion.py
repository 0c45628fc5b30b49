from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from qevd_bio.errors import DataError, UsageError
from qevd_bio.model.batch import CoachBatch, collate
from qevd_bio.model.coach_folder import Coach
from qevd_bio.model.cross_attention import VisualCrossAttention
from qevd_bio.model.fusion import FusionConfig, MorphologyFusion
from qevd_bio.model.layout import LayoutConfig, lay_out
from qevd_bio.model.loss import weighted_next_token_loss
from qevd_bio.model.released_fusion import read_released_fusion
from qevd_bio.model.trainable import make_trainable, trainable
from tests.model.coaches import made_coach, made_features, made_segment, with_fusion

PROJECTIONS = ("q_proj", "k_proj", "v_proj", "out_proj")


@pytest.fixture
def coach(tmp_path: Path) -> Coach:
    return made_coach(tmp_path)


@pytest.fixture
def batch(coach: Coach) -> CoachBatch:
    segment = made_segment((1.0, "lower"), end_s=103.0)
    features = made_features(12)
    return collate([lay_out(segment, features, None, coach.tokenizer, LayoutConfig())])


def attention_by_hand(
    fusion: MorphologyFusion, features: torch.Tensor, words: torch.Tensor
) -> torch.Tensor:
    """z = F + W_O concat_h softmax(Q_h K_hᵀ / sqrt(d)) V_h, written out in float64."""
    weights = {name: getattr(fusion, name).weight.double() for name in PROJECTIONS}
    query, keys = features.double() @ weights["q_proj"].T, words.double() @ weights["k_proj"].T
    values = words.double() @ weights["v_proj"].T
    size = query.shape[1] // fusion.config.heads
    parts = []
    for head in range(fusion.config.heads):
        own = slice(head * size, (head + 1) * size)
        seen = torch.softmax(query[:, own] @ keys[:, own].T / size**0.5, dim=1)
        parts.append(seen @ values[:, own])
    return features.double() + torch.cat(parts, dim=1) @ weights["out_proj"].T


@torch.no_grad()
def test_the_formula_of_the_paper() -> None:
    torch.manual_seed(0)
    fusion = MorphologyFusion(FusionConfig(1280, 64, gain=1.0)).eval()
    features, words = torch.rand(2, 3, 35, 1280) * 6, torch.randn(2, 7, 64)
    present = torch.tensor([[True] * 7, [True] * 4 + [False] * 3])
    fused = fusion(features, words, present)
    assert (fused - features).abs().max() > 0.1
    for row, count in enumerate((7, 4)):
        expected = attention_by_hand(fusion, features[row, 1], words[row, :count])
        assert (fused[row, 1] - expected).abs().max() < 1e-4


@torch.no_grad()
def test_heads_of_the_cross_attention_share_the_scale_of_the_whole_width() -> None:
    torch.manual_seed(0)
    layer = VisualCrossAttention(16, 12, heads=4)
    hidden, features = torch.randn(3, 16), torch.randn(3, 5, 12)
    query = layer.hidden_attn_fc(hidden)
    keys, values = layer.feat_attn_keys_fc(features), layer.vision_projector(features)
    parts = []
    for head in range(4):
        own = slice(4 * head, 4 * head + 4)
        scores = (keys[..., own] @ query[:, own, None])[..., 0] / 16**0.5
        parts.append((torch.softmax(scores, dim=1)[..., None] * values[..., own]).sum(dim=1))
    assert (layer(hidden, features) - layer.out_fc(torch.cat(parts, dim=1))).abs().max() < 1e-6


def test_the_size_and_start_of_the_paper() -> None:
    torch.manual_seed(0)
    fusion = MorphologyFusion(FusionConfig())
    assert sum(one.numel() for one in fusion.parameters()) == 13_762_560
    for name, fan in (("q_proj", 2560), ("k_proj", 5376), ("v_proj", 5376), ("out_proj", 2560)):
        bound = 0.1 * (6 / fan) ** 0.5
        weight = getattr(fusion, name).weight.detach()
        assert 0.999 * bound < weight.abs().max() <= bound
        assert weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.01)
    assert fusion.config.feature_width // fusion.config.heads == 160


def test_the_released_module_has_its_number_of_parameters() -> None:
    with torch.device("meta"):
        fusion = MorphologyFusion(FusionConfig(pooled=True, normed=True))
    assert sum(one.numel() for one in fusion.parameters()) == 13_767_681


@torch.no_grad()
def test_without_output_weights_it_is_stream_vlm_exactly(coach: Coach, batch: CoachBatch) -> None:
    plain = coach.model.all_logits(batch)
    fusion = with_fusion(coach.model)
    fusion.out_proj.weight.zero_()
    assert torch.equal(coach.model.all_logits(batch), plain)


@torch.no_grad()
def test_with_weights_it_changes_the_output(coach: Coach, batch: CoachBatch) -> None:
    plain = coach.model(batch)
    with_fusion(coach.model)
    assert (coach.model(batch) - plain).abs().max() > 1e-3


@torch.no_grad()
def test_the_start_of_the_paper_changes_little(coach: Coach, batch: CoachBatch) -> None:
    plain = coach.model(batch)
    with_fusion(coach.model, gain=0.1)
    change = (coach.model(batch) - plain).abs().max()
    assert 0 < change < 0.1


@torch.no_grad()
def test_another_body_gives_another_output(coach: Coach, batch: CoachBatch) -> None:
    with_fusion(coach.model)
    before = coach.model(batch)
    batch.morphology[0, 7] += 1
    assert (coach.model(batch) - before).abs().max() > 1e-5


@torch.no_grad()
def test_no_body_leaves_the_features(coach: Coach, batch: CoachBatch) -> None:
    plain = coach.model(batch)
    with_fusion(coach.model)
    batch.morphology_present[:] = False
    assert torch.equal(coach.model(batch), plain)
    none = replace(
        batch,
        morphology=batch.morphology[:, :0],
        morphology_present=batch.morphology_present[:, :0],
    )
    assert torch.equal(coach.model(none), plain)


def gradients(coach: Coach, batch: CoachBatch) -> dict[str, float]:
    make_trainable(coach.model, "fusion")
    loss = weighted_next_token_loss(coach.model(batch), batch.targets, batch.weights)
    loss.backward()
    return {
        name.split(".")[1]: float(one.grad.abs().max())
        for name, one in trainable(coach.model).items()
        if one.grad is not None
    }


def test_queries_and_keys_receive_gradient(coach: Coach, batch: CoachBatch) -> None:
    with_fusion(coach.model, gain=0.1)
    found = gradients(coach, batch)
    assert set(found) == set(PROJECTIONS) and min(found.values()) > 0


def test_the_released_pooling_gives_queries_and_keys_none(coach: Coach, batch: CoachBatch) -> None:
    with_fusion(coach.model, gain=0.1, pooled=True)
    found = gradients(coach, batch)
    assert found["q_proj"] < 1e-12 and found["k_proj"] < 1e-12
    assert found["v_proj"] > 0 and found["out_proj"] > 0


def test_at_the_released_place_nothing_reaches_the_fusion(coach: Coach, batch: CoachBatch) -> None:
    plain = coach.model(batch)
    with_fusion(coach.model, place="text")
    make_trainable(coach.model, "fusion")
    logits = coach.model(batch)
    assert torch.equal(logits, plain) and not logits.requires_grad


@torch.no_grad()
def test_padding_changes_nothing(coach: Coach) -> None:
    with_fusion(coach.model)
    examples = [
        lay_out(
            made_segment((0.5, "up"), end_s=end_s),
            made_features(12, seed=seed),
            None,
            coach.tokenizer,
            LayoutConfig(),
        )
        for seed, end_s in ((0, 101.0), (1, 103.0))
    ]
    alone = [coach.model(collate([example])) for example in examples]
    together = coach.model(collate(examples))
    assert (torch.cat(alone) - together).abs().max() < 1e-5


def test_the_released_file_is_read_strictly(tmp_path: Path) -> None:
    torch.manual_seed(0)
    with_norms = MorphologyFusion(FusionConfig(40, 64, pooled=True, normed=True)).eval()
    state = {f"base_fusion.{key}": one.clone() for key, one in with_norms.state_dict().items()}
    path = tmp_path / "vision_skeleton_cross_attention.pth"
    torch.save({**state, "temporal_head.0.weight": torch.ones(2)}, path)
    fusion, notes = read_released_fusion(path)
    assert notes == ("left out temporal_head.0.weight",)
    features, words = torch.rand(1, 2, 35, 40), torch.randn(1, 5, 64)
    pooled = words.mean(dim=1) @ fusion.v_proj.weight.T @ fusion.out_proj.weight.T
    expected = torch.nn.functional.layer_norm(features + 0.1 * pooled, (40,))
    with torch.no_grad():
        found = fusion(features, words, torch.ones(1, 5, dtype=torch.bool))
    assert (found - expected).abs().max() < 1e-5
    del state["base_fusion.alpha"]
    torch.save(state, path)
    with pytest.raises(DataError, match="lacks alpha"):
        read_released_fusion(path)


@pytest.mark.parametrize("shape", [{"heads": 7}, {"heads": 0}, {"place": "nowhere"}])
def test_an_impossible_shape_is_refused(shape: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="fusion"):
        FusionConfig(**shape)  # type: ignore[arg-type]


def test_the_loss_written_out() -> None:
    logits = torch.tensor([[2.0, 0.0], [0.0, 0.0], [-1.0, 3.0]])
    targets, weights = torch.tensor([0, 1, 0]), torch.tensor([0.1, 1.0, 1.0])
    nll = -torch.log_softmax(logits, dim=1)[[0, 1, 2], targets]
    expected = (nll * weights).sum()
    assert weighted_next_token_loss(logits, targets, weights, "sum").item() == pytest.approx(
        expected.item()
    )
    assert weighted_next_token_loss(logits, targets, weights).item() == pytest.approx(
        expected.item() / 2.1
    )


def test_no_target_is_no_loss() -> None:
    logits = torch.zeros(0, 5, requires_grad=True)
    loss = weighted_next_token_loss(logits, torch.zeros(0, dtype=torch.int64), torch.zeros(0))
    loss.backward()
    assert loss.item() == 0
