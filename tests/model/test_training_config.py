from __future__ import annotations

from pathlib import Path

import pytest

from qevd_bio.errors import UsageError
from qevd_bio.training.configuration import given, read_config
from qevd_bio.training.train_lm_adapter import AdapterTraining
from qevd_bio.training.train_selector import SelectorConfig


def test_a_file_and_changes_are_read_in_this_order(tmp_path: Path) -> None:
    file = tmp_path / "selector.toml"
    file.write_text('release = "r"\nloss = "balanced"\nepochs = 3\nlearning_rate = 1\n')
    config = read_config(SelectorConfig(), file, ["epochs=5", "persons=p.csv", "loss = plain"])
    assert config.release == tmp_path / "r"
    assert config.persons == Path.cwd() / "p.csv"
    assert (config.epochs, config.loss, config.learning_rate) == (5, "plain", 1.0)
    assert config.batch_size == SelectorConfig().batch_size


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epoch = 3", "unknown key 'epoch'. Did you mean 'epochs'?"),
        ("epochs = 0", "epochs must be 1 or more, not 0"),
        ("epochs = 1.5", "epochs must be a whole number, not 1.5"),
        ("learning_rate = 0", "learning_rate must be more than 0"),
        ("learning_rate = nan", "learning_rate must be a finite number"),
        ("learning_rate = inf", "learning_rate must be a finite number"),
        ("weight_decay = -1", "weight_decay must be 0 or more"),
        ("seed = -1", "seed must be 0 or more"),
        ("seed = 9223372036854775808", "seed must be 9223372036854775807 or less"),
        ("held_out_share = 1", "held_out_share must lie between 0 and 1"),
        ("decide_s = 0", "decide_s must be more than 0"),
        (
            'loss = "plan"',
            "loss must be one of plain, balanced, not 'plan'. Did you mean 'plain'?",
        ),
        ("tensorboard = 1", "tensorboard must be true or false"),
        ("[training]\nepochs = 2", "unknown key 'training'"),
        ("epochs = ", "Invalid value"),
    ],
)
def test_a_wrong_file_is_refused_with_its_key(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "selector.toml"
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_config(SelectorConfig(), file)
    assert message in str(caught.value)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize("change", ["epochs", "epoch=3", "epochs=three"])
def test_a_wrong_change_is_refused(change: str) -> None:
    with pytest.raises(UsageError):
        read_config(SelectorConfig(), None, [change])


@pytest.mark.parametrize(
    "change", ["lora_dropout=1", "lora_dropout=-0.1", "held_out_segments=-1", "cache_gb=-1"]
)
def test_a_coach_key_out_of_range_is_refused_before_training(change: str) -> None:
    with pytest.raises(UsageError, match=change.partition("=")[0] + " must be"):
        read_config(AdapterTraining(), None, [change])


def test_an_absent_file_and_an_absent_path_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_config(SelectorConfig(), tmp_path / "none.toml")
    with pytest.raises(UsageError, match="release: is not given"):
        given(None, "release")
