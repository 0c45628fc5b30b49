from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from qevd_bio.capture.config import PersonConfig
from qevd_bio.capture.hsmr import detector as module
from qevd_bio.capture.hsmr.config import HsmrConfig
from qevd_bio.capture.hsmr.detector import LandmarkDetector
from qevd_bio.capture.hsmr.detector_choice import DetectorChoice
from qevd_bio.capture.hsmr.device import HsmrOnDevice
from qevd_bio.capture.hsmr.estimate import estimate_person
from qevd_bio.capture.hsmr.transformers_detector import TransformersDetector
from qevd_bio.capture.person.people import outline
from qevd_bio.errors import DataError, EnvironmentProblem
from tests.capture.hsmr_scenes import small_network

NAMES = {0: "person", 1: "bicycle", 2: "car"}


@pytest.fixture(scope="module")
def transformers():
    return pytest.importorskip("transformers", reason="detectors of transformers need it")


def save(model, folder, **settings):
    model.save_pretrained(folder, safe_serialization=True)
    prepared = {
        "do_normalize": True, "rescale_factor": 1 / 255, "image_mean": [0.485, 0.456, 0.406],
        "image_std": [0.229, 0.224, 0.225], "size": {"shortest_edge": 48, "longest_edge": 80},
    }  # fmt: skip
    (folder / "preprocessor_config.json").write_text(json.dumps(prepared | settings))
    return folder


@pytest.fixture(scope="module")
def yolos(transformers, tmp_path_factory):
    torch.manual_seed(0)
    config = transformers.YolosConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        image_size=[48, 64], num_detection_tokens=7, use_mid_position_embeddings=False,
        id2label=NAMES, label2id={name: i for i, name in NAMES.items()},
    )  # fmt: skip
    model = transformers.YolosForObjectDetection(config)
    return save(model, tmp_path_factory.mktemp("yolos"))


@pytest.fixture(scope="module")
def rt_detr(transformers, tmp_path_factory):
    torch.manual_seed(0)
    backbone = transformers.RTDetrResNetConfig(
        embedding_size=8, hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1], layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )  # fmt: skip
    config = transformers.RTDetrConfig(
        backbone_config=backbone, encoder_hidden_dim=16, encoder_in_channels=[8, 16, 16],
        encoder_ffn_dim=16, encoder_attention_heads=2, d_model=16, num_queries=9,
        decoder_in_channels=[16, 16, 16], decoder_ffn_dim=16, decoder_attention_heads=2,
        decoder_layers=1, num_denoising=0, id2label=NAMES,
        label2id={name: i for i, name in NAMES.items()},
    )  # fmt: skip
    model = transformers.RTDetrForObjectDetection(config)
    folder = tmp_path_factory.mktemp("rt_detr")
    return save(model, folder, do_normalize=False, size={"height": 96, "width": 96})


def pictures():
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (3, 9, 12, 3), dtype=np.uint8)
    return [np.ascontiguousarray(np.kron(one, np.ones((16, 16, 1), np.uint8))) for one in coarse]


def processed(processor, model, image, threshold):
    """The library's own result for a picture: boxes and scores of persons."""
    inputs = processor(images=image, return_tensors="pt")
    with torch.inference_mode():
        out = model.eval()(pixel_values=inputs["pixel_values"])
    found_by_library = processor.post_process_object_detection(
        out, threshold=threshold, target_sizes=[image.shape[:2]]
    )[0]
    return inputs["pixel_values"], out, found_by_library


def test_yolos_is_read_as_the_library_reads_it(transformers, yolos):
    detector = TransformersDetector(yolos, "cpu")
    processor = transformers.YolosImageProcessorPil.from_pretrained(yolos, do_pad=False)
    model = transformers.YolosForObjectDetection.from_pretrained(yolos)
    for image in pictures():
        pixels, out, _ = processed(processor, model, image, 0.0)
        ours = detector._prepared(image)
        assert ours.shape == pixels.shape
        assert abs(ours - pixels).mean() < 0.02, "within a rounding of the library's resizing"
        scores = out.logits.softmax(-1)[0, :, 0].sort(descending=True).values
        found = detector([image])[0]
        np.testing.assert_allclose(found.score, scores[: len(found.score)], atol=0.01)
        assert (np.diff(found.score) <= 0).all()


def test_rt_detr_is_read_as_the_library_reads_it(transformers, rt_detr):
    detector = TransformersDetector(rt_detr, "cpu")
    processor = transformers.RTDetrImageProcessorPil.from_pretrained(rt_detr)
    model = transformers.RTDetrForObjectDetection.from_pretrained(rt_detr)
    for image in pictures():
        pixels, out, _ = processed(processor, model, image, 0.0)
        assert abs(detector._prepared(image) - pixels).max() < 2 / 255
        found = detector([image])[0]
        best = int(out.logits.sigmoid()[0, :, 0].argmax())
        centre, size = out.pred_boxes[0, best, :2].numpy(), out.pred_boxes[0, best, 2:].numpy()
        box = np.concatenate([centre - size / 2, centre + size / 2]).clip(0, 1)
        np.testing.assert_allclose(found.box_px[0], box * [192, 144, 192, 144], atol=3.0)
        assert found.score[0] == pytest.approx(float(out.logits.sigmoid()[0, best, 0]), abs=0.01)


def test_pictures_looked_at_together_give_what_each_gives_alone(rt_detr):
    detector = TransformersDetector(rt_detr, "cpu")
    together = detector(pictures())
    for image, found in zip(pictures(), together, strict=True):
        alone = detector([image])[0]
        np.testing.assert_allclose(found.box_px, alone.box_px, atol=1e-3)
        np.testing.assert_allclose(found.score, alone.score, atol=1e-5)
    assert detector([]) == []


def test_the_pipeline_takes_a_transformers_detector(rt_detr):
    config = HsmrConfig(precision="fp32", least_score=0.0, detect_every=2, least_confidence=0.0)
    detectors = DetectorChoice.named(str(rt_detr)).load(config.video.person, "cpu")
    hsmr = HsmrOnDevice(small_network(), config, "cpu")
    seen = estimate_person(iter(pictures()[:1] * 5), detectors(), hsmr, config)
    assert len(seen.q) == 5 and seen.found.any()
    assert detectors() is detectors(), "a model is loaded once"


def without(folder, copy, name):
    copy.mkdir()
    for file in folder.iterdir():
        if file.name != name:
            (copy / file.name).write_bytes(file.read_bytes())
    return copy


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "preprocessor_config.json"])
def test_a_folder_that_lacks_a_file_is_refused_before_anything_is_loaded(rt_detr, tmp_path, name):
    with pytest.raises(DataError, match=f"holds no {name}"):
        DetectorChoice.named(str(without(rt_detr, tmp_path / "copy", name)))


def test_pickled_weights_are_not_read(rt_detr, tmp_path):
    copy = without(rt_detr, tmp_path / "copy", "model.safetensors")
    (copy / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(DataError, match=r"holds no model\.safetensors"):
        TransformersDetector(copy, "cpu")


def test_a_detector_without_persons_is_refused(transformers, yolos, tmp_path):
    copy = without(yolos, tmp_path / "copy", "none")
    config = json.loads((copy / "config.json").read_text())
    config["id2label"] = {"0": "apple", "1": "pear", "2": "plum"}
    config["label2id"] = {"apple": 0, "pear": 1, "plum": 2}
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(DataError, match="hold no 'person'"):
        TransformersDetector(copy, "cpu")


@pytest.mark.parametrize(
    "held",
    ["{}", '{"size": {"height": 9}}', '{"size": 3}', "[]", '{"size": {"shortest_edge": 9}}'],
)
def test_a_preparation_that_is_not_understood_is_refused(rt_detr, tmp_path, held):
    copy = without(rt_detr, tmp_path / "copy", "none")
    (copy / "preprocessor_config.json").write_text(held)
    with pytest.raises(DataError, match="does not show how pictures are prepared"):
        DetectorChoice.named(str(copy))


def test_the_digest_names_weights_and_preparation(rt_detr, tmp_path):
    copy = without(rt_detr, tmp_path / "copy", "none")
    same = DetectorChoice(copy).digest()
    assert same == DetectorChoice(rt_detr).digest() != DetectorChoice().digest()
    settings = json.loads((copy / "preprocessor_config.json").read_text())
    (copy / "preprocessor_config.json").write_text(json.dumps(settings | {"rescale_factor": 1.0}))
    assert DetectorChoice(copy).digest() != same


def test_without_transformers_the_next_step_is_reported(rt_detr, monkeypatch):
    import builtins

    real = builtins.__import__

    def absent(name, *rest):
        if name == "transformers":
            raise ImportError("No module named 'transformers'")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(EnvironmentProblem, match="needs transformers"):
        TransformersDetector(rt_detr, "cpu")


class FakeLandmarker:
    """Replaces the landmarks: finds the brighter person first, and twice."""

    closed = False

    def __init__(self, config, *, follow):
        assert not follow

    def __exit__(self, *_):
        FakeLandmarker.closed = True

    def find_all(self, image):
        found = []
        for level in (250, 250, 200):
            rows, columns = np.nonzero((image == level).all(axis=2))
            if len(rows) > 50:
                low = np.array([columns.min(), rows.min()], float)
                high = np.array([columns.max(), rows.max()], float)
                share = np.linspace(0, 1, 33)[:, None]
                points = low + (high - low) * np.hstack([share, share])
                seen = np.full(33, 0.6 if level == 250 else 0.9)
                found.append(
                    SimpleNamespace(image_px=points, world_m=np.zeros((33, 3)), visibility=seen)
                )
        return found


def test_landmarks_make_boxes_a_little_wider_than_themselves(monkeypatch):
    monkeypatch.setattr(module, "PoseLandmarker", FakeLandmarker)
    image = np.zeros((200, 300, 3), np.uint8)
    image[40:160, 30:80] = 250
    image[20:180, 200:260] = 200
    detector = LandmarkDetector(PersonConfig())
    found, nobody = detector([image, np.zeros_like(image)])
    detector.close()
    assert FakeLandmarker.closed
    assert found.score.tolist() == pytest.approx([0.9, 0.6]), "by falling score"
    reach = 0.08 * 159
    np.testing.assert_allclose(
        found.box_px[0], [200 - reach, 20 - reach, 259 + reach, 179 + reach], atol=1e-6
    )
    assert nobody.box_px.shape == (0, 4) and nobody.score.shape == (0,)
    assert outline(np.array([0.0, 0.0, 300.0, 200.0]), image, 0.08).tolist() == [0, 0, 300, 200]
