from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from qevd_bio.errors import DataError, UsageError
from qevd_bio.files.digest import sha256_file
from qevd_bio.model.batch import CoachBatch, collate
from qevd_bio.model.coach_folder import Coach, load_coach, save_coach
from qevd_bio.model.coach_tokenizer import load_tokenizer
from qevd_bio.model.layout import LayoutConfig, lay_out
from qevd_bio.model.make_coach import import_stream_vlm, make_coach, random_coach
from qevd_bio.model.stream_vlm import read_stream_vlm
from qevd_bio.model.tiny import write_byte_tokenizer
from qevd_bio.model.trainable import load_trainable, make_trainable, trainable
from tests.model.coaches import made_coach, made_features, made_segment, with_fusion

GOLDEN = Path(__file__).parents[1] / "golden" / "streamvlm"


@pytest.fixture(scope="module")
def coach(tmp_path_factory: pytest.TempPathFactory) -> Coach:
    made = made_coach(tmp_path_factory.mktemp("made"))
    with_fusion(made.model)
    return save_coach(tmp_path_factory.mktemp("saved") / "coach", made)


@pytest.fixture
def folder(coach: Coach, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(coach.folder, tmp_path / "copy"))


def a_batch(coach: Coach) -> CoachBatch:
    segment = made_segment((1.0, "lower"), end_s=103.0)
    return collate([lay_out(segment, made_features(12), None, coach.tokenizer, LayoutConfig())])


@torch.no_grad()
def test_what_is_loaded_is_what_was_saved(coach: Coach) -> None:
    loaded, batch = load_coach(coach.folder), a_batch(coach)
    assert torch.equal(loaded.model.all_logits(batch), coach.model.all_logits(batch))
    assert loaded.settings == coach.settings and loaded.settings.fusion is not None
    assert not trainable(loaded.model) and not loaded.model.training


def test_the_description_names_the_action_tokens(coach: Coach) -> None:
    assert "<vision> = 257, <answer> = 258, <answer/> = 259" in coach.description()


def test_an_existing_folder_is_kept(coach: Coach, folder: Path) -> None:
    with pytest.raises(UsageError, match="exist"):
        save_coach(folder, coach)


def test_low_precision(coach: Coach) -> None:
    model = load_coach(coach.folder, dtype=torch.bfloat16).model
    assert model.language.dtype == torch.bfloat16 and model.fusion is not None
    assert model.fusion.q_proj.weight.dtype == torch.float32
    frequencies = coach.model.language.model.rotary_emb.inv_freq
    assert torch.equal(model.language.model.rotary_emb.inv_freq, frequencies)
    logits = model(a_batch(coach))
    assert logits.dtype == torch.float32
    assert (logits - coach.model(a_batch(coach))).abs().max() < 0.3


def edit_settings(folder: Path, **changes: object) -> None:
    path = folder / "coach.json"
    held = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**held, **changes}), encoding="utf-8")


def test_a_coach_that_does_not_say_how_contexts_were_cut_saw_their_end(folder: Path) -> None:
    layout = json.loads((folder / "coach.json").read_text(encoding="utf-8"))["layout"]
    assert layout.pop("context_cut") == "pose"
    edit_settings(folder, layout=layout)
    assert load_coach(folder).settings.layout.context_cut == "end"


def cut_short(folder: Path) -> None:
    file = folder / "language.safetensors"
    file.write_bytes(file.read_bytes()[:-1000])


def rewritten(folder: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> None:
    """Change tensors and their digest, as an honest writer of a wrong file would."""
    file = folder / "language.safetensors"
    tensors = load_file(file)
    change(tensors)
    save_file(tensors, file)
    held = json.loads((folder / "coach.json").read_text(encoding="utf-8"))
    edit_settings(folder, digests={**held["digests"], file.name: sha256_file(file)})


def other_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    for name in ("tokenizer.model", "added_tokens.json"):
        shutil.copyfile(GOLDEN / name, folder / name)


def swapped(folder: Path) -> None:
    path = folder / "tokenizer.json"
    held = json.loads(path.read_text(encoding="utf-8"))
    first, second, _ = held["added_tokens"]
    first["content"], second["content"] = second["content"], first["content"]
    path.write_text(json.dumps(held), encoding="utf-8")


def fewer_rows(tensors: dict[str, torch.Tensor]) -> None:
    for key in ("model.embed_tokens.weight", "lm_head.weight"):
        tensors[key] = tensors[key][:256].clone()


def shorter_head(tensors: dict[str, torch.Tensor]) -> None:
    tensors["lm_head.weight"] = tensors["lm_head.weight"][:256].clone()


def a_layer_less(tensors: dict[str, torch.Tensor]) -> None:
    del tensors["model.layers.2.mlp.up_proj.weight"]


def one_more(tensors: dict[str, torch.Tensor]) -> None:
    tensors["model.layers.9.mlp.up_proj.weight"] = torch.zeros(2, 2)


@pytest.mark.parametrize(
    ("spoil", "cause"),
    [
        (cut_short, "cut short"),
        (other_tokenizer, "the coach was made with"),
        (swapped, "<vision> = 258.*made with"),
        (lambda folder: write_byte_tokenizer(folder), "holds no token <vision>"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "holds no tokenizer.json"),
        (lambda folder: (folder / "tokenizer.json").write_text("{"), "cannot be read"),
        (lambda folder: rewritten(folder, fewer_rows), "tables of 256 rows.*260 tokens need 320"),
        (lambda folder: rewritten(folder, shorter_head), r"lm_head.weight is \(256, 64\)"),
        (lambda folder: rewritten(folder, a_layer_less), "lacks model.layers.2.mlp.up_proj"),
        (lambda folder: rewritten(folder, one_more), "holds unknown model.layers.9"),
        (lambda folder: edit_settings(folder, strange=1), "unknown: strange"),
        (lambda folder: edit_settings(folder, schema_version=2), "schema 1"),
        (lambda folder: edit_settings(folder, layers=[1]), "holds unknown 3."),
        (lambda folder: edit_settings(folder, layers=["a"]), "no whole numbers"),
        (lambda folder: edit_settings(folder, digests={}), "not the file"),
        (lambda folder: (folder / "fusion.safetensors").unlink(), "fusion.safetensors"),
        (lambda folder: (folder / "coach.json").unlink(), "coach.json"),
        (lambda folder: (folder / "config.json").write_text('{"model_type": "gpt2"}'), "gpt2"),
        (
            lambda folder: (folder / "config.json").write_text(
                '{"model_type": "llama", "hidden_size": 65, "num_attention_heads": 4}'
            ),
            "config.json: is no configuration of a LLaMA",
        ),
    ],
)  # fmt: skip
def test_a_folder_that_is_not_whole_is_refused(
    folder: Path, spoil: Callable[[Path], None], cause: str
) -> None:
    spoil(folder)
    with pytest.raises(DataError, match=cause):
        load_coach(folder)


def test_features_of_another_network_are_refused(coach: Coach) -> None:
    coach.settings.check_network("any")
    trained = replace(coach.settings, network="stand-in 1")
    trained.check_network("stand-in 1")
    with pytest.raises(DataError, match="trained on those of 'stand-in 1'"):
        trained.check_network("efficientnet")


def golden_with(tmp_path: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> Path:
    """The official checkpoint with other tensors."""
    folder = Path(shutil.copytree(GOLDEN, tmp_path / "golden"))
    path = folder / "state_dict.pth.tar"
    held = torch.load(path, weights_only=True)["state_dict"]  # noqa: TID251  our own file
    change(held)
    torch.save(held, path)
    return folder


def drop(*names: str) -> Callable[[dict[str, torch.Tensor]], None]:
    return lambda held: [held.pop(name) for name in names] and None


PREFIX = "lang.base_model.model."
TABLES = (f"{PREFIX}model.embed_tokens.weight", "adapter.embed_tokens.weight")


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (drop(f"{PREFIX}model.layers.3.mlp.up_proj.weight"), "lacks model.layers.3.mlp.up_proj"),
        (drop(f"{PREFIX}model.layers.3.self_attn.q_proj.lora_B.default.weight"), "not complete"),
        (drop(f"{PREFIX}model.layers.3.xattn_layer.attn_layers.0.out_fc.weight"), "lacks out_fc"),
        (lambda held: held.update(strange=torch.zeros(1)), "holds unknown strange"),
        (lambda held: held.update({f"{PREFIX}model.x": torch.zeros(1)}), "holds unknown model.x"),
        (lambda held: held[f"{PREFIX}lm_head.weight"].fill_(torch.nan), "NaN"),
        (lambda held: held["adapter.embed_tokens.weight"].mul_(2), "differs from"),
        (
            lambda held: held.update({key: held[key][:384].clone() for key in TABLES}),
            "tables of 384 rows",
        ),
    ],
)  # fmt: skip
def test_a_checkpoint_that_is_not_whole_is_refused(
    tmp_path: Path, change: Callable[[dict[str, torch.Tensor]], None], cause: str
) -> None:
    folder = golden_with(tmp_path, change)
    with pytest.raises(DataError, match=cause):
        import_stream_vlm(folder, GOLDEN / "config.json", tmp_path / "coach")
    assert not (tmp_path / "coach").exists()


def test_a_checkpoint_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state_dict.pth.tar"
    path.write_bytes((GOLDEN / path.name).read_bytes()[:-20000])
    with pytest.raises(DataError, match="no sound torch checkpoint"):
        read_stream_vlm(path)


def test_the_language_models_own_tokenizer_is_refused(tmp_path: Path) -> None:
    shutil.copyfile(GOLDEN / "tokenizer.model", tmp_path / "tokenizer.model")
    with pytest.raises(DataError, match="<vision>, <answer>, <answer/>"):
        load_tokenizer(tmp_path)
    for numbers in ((420, 420, 422), (29, 421, 422)):
        added = dict(zip(("<vision>", "<answer>", "<answer/>"), numbers, strict=True))
        (tmp_path / "added_tokens.json").write_text(json.dumps(added), encoding="utf-8")
        with pytest.raises(DataError, match="three distinct numbers from 420 on"):
            load_tokenizer(tmp_path)


def test_half_precision_checkpoints_are_read_bit_by_bit(tmp_path: Path) -> None:
    def halve(held: dict[str, torch.Tensor]) -> None:
        held.update({key: one.bfloat16() for key, one in held.items()})

    folder = golden_with(tmp_path, halve)
    path = folder / "state_dict.pth.tar"
    held = torch.load(path, weights_only=True)  # noqa: TID251  our own file
    read = read_stream_vlm(path).language
    key = "model.layers.2.mlp.up_proj.weight"
    assert read[key].dtype == torch.bfloat16 and torch.equal(read[key], held[f"{PREFIX}{key}"])


def test_a_coach_from_a_language_model(tmp_path: Path) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    source = tmp_path / "language"
    config = LlamaConfig(
        hidden_size=32, intermediate_size=48, num_hidden_layers=4, num_attention_heads=4,
        num_key_value_heads=2, vocab_size=300, tie_word_embeddings=True,
    )  # fmt: skip
    torch.manual_seed(0)
    language = LlamaForCausalLM(config).eval()
    language.save_pretrained(source)
    write_byte_tokenizer(source)
    coach = make_coach(source, tmp_path / "coach", layers=(1, 2), feature_width=40)
    loaded = load_coach(coach.folder).model
    embedding = loaded.language.model.embed_tokens.weight
    assert embedding.shape == (320, 32) and torch.equal(
        embedding[:257], language.lm_head.weight[:257]
    )
    for table in (embedding, loaded.language.lm_head.weight):
        assert len(torch.unique(table[257:260], dim=0)) == 3
        assert (table[257:260] - table[:257].mean(dim=0)).abs().max() < 0.1 * table[:257].std()
    # Untrained cross-attention adds nothing: the old tokens are predicted as before.
    batch = a_batch(coach)
    before = int(batch.vision[1, 0])
    old = language(batch.ids[:, :before]).logits[..., :257]
    assert (loaded.all_logits(batch)[:, :before, :257] - old).abs().max() < 1e-5


def test_action_tokens_begin_as_the_tokens_they_are_like(tmp_path: Path) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    source = tmp_path / "language"
    LlamaForCausalLM(
        LlamaConfig(vocab_size=257, hidden_size=32, intermediate_size=64, num_hidden_layers=3,
                    num_attention_heads=4)
    ).save_pretrained(source)  # fmt: skip
    write_byte_tokenizer(source)
    coach = make_coach(source, tmp_path / "coach", layers=(1,), like=("a", ":", "b"))
    encode = coach.tokenizer.encode
    for table in (coach.model.language.model.embed_tokens, coach.model.language.lm_head):
        for number, text in zip(coach.tokenizer.tokens.numbers(), "a:b", strict=True):
            (other,) = encode(text)
            away = (table.weight[number] - table.weight[other]).abs().max()
            assert 0 < away < 0.1 * table.weight[:257].std(), text
    with pytest.raises(UsageError, match="is 2 tokens of it and not one"):
        make_coach(source, tmp_path / "again", layers=(1,), like=("ab", ":", "b"))


def test_layers_and_heads_that_do_not_fit_are_refused(tmp_path: Path, folder: Path) -> None:
    source = tmp_path / "language"
    source.mkdir()
    write_byte_tokenizer(source)
    for old, new in (
        ("language.safetensors", "model.safetensors"),
        ("config.json", "config.json"),
    ):
        shutil.copyfile(folder / old, source / new)
    for layers in ((1, 4), (-1,)):
        with pytest.raises(UsageError, match="from 0 to 3"):
            make_coach(source, tmp_path / "coach", layers=layers)
    edit_settings(folder, heads=7)
    with pytest.raises(UsageError, match="7 heads"):
        load_coach(folder)


def test_a_tokenizer_larger_than_the_table_is_refused(tmp_path: Path) -> None:
    from transformers import LlamaConfig

    shutil.copyfile(GOLDEN / "tokenizer.model", tmp_path / "tokenizer.model")
    tables = {key: torch.zeros(257, 8) for key in ("model.embed_tokens.weight", "lm_head.weight")}
    save_file(tables, tmp_path / "model.safetensors")
    LlamaConfig(vocab_size=257, hidden_size=8, num_attention_heads=2).save_pretrained(tmp_path)
    with pytest.raises(DataError, match=r"has 420 tokens, and its model.embed_tokens.weight 257"):
        make_coach(tmp_path, tmp_path / "coach", layers=(1,))


def test_a_language_model_that_is_a_coach_already_is_refused(tmp_path: Path) -> None:
    made = made_coach(tmp_path)
    for name in ("language", "cross_attention"):
        (made.folder / f"{name}.safetensors").rename(made.folder / f"{name}.bin")
    shutil.copyfile(made.folder / "language.bin", made.folder / "model.safetensors")
    with pytest.raises(DataError, match="already"):
        make_coach(made.folder, tmp_path / "again", layers=(1,))


def stepped(coach: Coach, recipe: str) -> dict[str, torch.Tensor]:
    """Train a little and return the state before."""
    parameters = make_trainable(coach.model, recipe)  # type: ignore[arg-type]
    before = {name: one.detach().clone() for name, one in coach.model.named_parameters()}
    optimiser = torch.optim.AdamW(parameters.values(), lr=0.01)
    batch = a_batch(coach)
    for _ in range(2):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(coach.model(batch), batch.targets).backward()
        optimiser.step()
    return before


@pytest.mark.parametrize("recipe", ["fusion", "lm-adapter"])
def test_only_what_a_recipe_trains_changes(tmp_path: Path, recipe: str) -> None:
    coach = made_coach(tmp_path)
    with_fusion(coach.model)
    before = stepped(coach, recipe)
    changed = {
        name for name, one in coach.model.named_parameters() if not torch.equal(one, before[name])
    }
    assert changed == set(trainable(coach.model))
    groups = {
        name.split(".")[0] if "lora" not in name else name.rpartition(".")[2] for name in changed
    }
    adapter = {"cross_attention", "lora_A", "lora_B", "action_rows"}
    assert groups == ({"fusion"} if recipe == "fusion" else adapter)


@torch.no_grad()
def test_additions_are_merged_when_saved(tmp_path: Path) -> None:
    coach = made_coach(tmp_path)
    with torch.enable_grad():
        stepped(coach, "lm-adapter")
    coach.model.eval()
    batch = a_batch(coach)
    saved = load_coach(save_coach(tmp_path / "saved", coach).folder)
    assert saved.model.action_rows is None
    assert (saved.model.all_logits(batch) - coach.model.all_logits(batch)).abs().max() < 1e-5


@torch.no_grad()
def test_a_language_model_with_biases_keeps_them(tmp_path: Path) -> None:
    from transformers import LlamaConfig

    config = LlamaConfig(
        hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=1, vocab_size=320, attention_bias=True, mlp_bias=True,
    )  # fmt: skip
    write_byte_tokenizer(tmp_path)
    coach = random_coach(config, tmp_path, tmp_path / "coach", layers=(0,), feature_width=40)
    for name, one in coach.model.language.named_parameters():
        if name.endswith(".bias"):
            torch.nn.init.normal_(one)
    make_trainable(coach.model, "lm-adapter")
    batch = a_batch(coach)
    saved = load_coach(save_coach(tmp_path / "saved", coach).folder)
    assert (saved.model.all_logits(batch) - coach.model.all_logits(batch)).abs().max() < 1e-5


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path: Path) -> None:
    coach = made_coach(tmp_path)
    with_fusion(coach.model)
    state = {
        name: one.detach().clone() for name, one in make_trainable(coach.model, "fusion").items()
    }
    load_trainable(coach.model, {name: one + 1 for name, one in state.items()}, where="step 3")
    for name, one in trainable(coach.model).items():
        assert torch.equal(one, state[name] + 1)
    for spoiled in (
        {**state, "more": torch.zeros(1)},
        dict(list(state.items())[1:]),
        {name: one.bfloat16() for name, one in state.items()},
    ):
        with pytest.raises(DataError, match="step 3"):
            load_trainable(coach.model, spoiled, where="step 3")
    make_trainable(coach.model, "lm-adapter")
    with pytest.raises(DataError, match="fusion"):
        load_trainable(coach.model, state, where="step 3")


def test_there_must_be_something_to_train(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no fusion"):
        make_trainable(made_coach(tmp_path).model, "fusion")
