"""Commands that train: the joint selector, the fusion, the adapters of the language model."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qevd_bio.cli.errors import DONE, guarded, report
from qevd_bio.cli.help_groups import Command, command_group
from qevd_bio.cli.options import Json
from qevd_bio.cli.output import emit, table
from qevd_bio.errors import UsageError

if TYPE_CHECKING:
    from qevd_bio.training.forecast import Forecast
    from qevd_bio.training.log import LogLine

train_app = command_group("Train the joint selector, the fusion or the adapters.")

_Out = Annotated[
    Path, typer.Option("--out", help="Folder of the training. One that exists is resumed.")
]
_Config = Annotated[
    Path | None, typer.Option("--config", help="TOML with the keys of the recipe.")
]
_Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A key of the recipe; can be given again."),
]
_Tiny = Annotated[
    bool, typer.Option("--tiny", help="Train on made-up data, in a minute on a CPU.")
]
_Plan = Annotated[
    bool,
    typer.Option("--plan", help="Estimate memory and time, and propose a micro-batch that fits."),
]
_SHOWN_EVERY_S = 5.0
_BYTES = {"GB": 10**9, "MB": 10**6, "kB": 10**3, "bytes": 1}


@train_app.command("selector", cls=Command)
@guarded
def selector(
    out: _Out,
    config: _Config = None,
    changes: _Changes = None,
    tiny: _Tiny = False,
    plan: _Plan = False,
    as_json: Json = False,
) -> int:
    """Train the joint selector on visual features and labelled segments."""
    return _train("selector", out, config, changes or [], tiny=tiny, plan=plan, as_json=as_json)


@train_app.command("fusion", cls=Command)
@guarded
def fusion(
    out: _Out,
    config: _Config = None,
    changes: _Changes = None,
    tiny: _Tiny = False,
    plan: _Plan = False,
    as_json: Json = False,
) -> int:
    """Train the fusion of vision and morphology in a frozen coach."""
    return _train("fusion", out, config, changes or [], tiny=tiny, plan=plan, as_json=as_json)


@train_app.command("lm-adapter", cls=Command)
@guarded
def lm_adapter(
    out: _Out,
    config: _Config = None,
    changes: _Changes = None,
    tiny: _Tiny = False,
    plan: _Plan = False,
    as_json: Json = False,
) -> int:
    """Train cross-attention and LoRA: the base that `fusion` starts from."""
    return _train("lm-adapter", out, config, changes or [], tiny=tiny, plan=plan, as_json=as_json)


def _train(
    name: str,
    out: Path,
    config: Path | None,
    changes: list[str],
    *,
    tiny: bool,
    plan: bool,
    as_json: bool,
) -> int:
    from qevd_bio.training.recipes import prepared_recipe, result_of

    if tiny and config is not None:
        raise UsageError(
            "made-up data has a configuration of its own",
            where="--tiny",
            next_step="Leave --config out; --set changes a key",
        )
    recipe = prepared_recipe(name, config, changes, tiny=tiny)
    if plan:
        from qevd_bio.training.forecast import forecast
        from qevd_bio.training.loop import start_processes

        found = forecast(recipe.task, recipe.config, start_processes())
        emit(_forecast_json(found), _forecast_text(found), as_json=as_json)
        return DONE
    from qevd_bio.training.recipe import run_recipe

    figures = run_recipe(recipe, out, _Progress().show)
    if figures is not None:
        next_step = result_of(name, out)
        text = f"{_figures_text(figures)}\n{next_step}"
        emit({"report": figures, "out": str(out), "next": next_step}, text, as_json=as_json)
    return DONE


class _Progress:
    """Reports updates on stderr, not more often than every few seconds."""

    def __init__(self) -> None:
        self._began_s = self._shown_s = time.monotonic()
        self._first: int | None = None

    def show(self, line: LogLine, updates: int) -> None:
        """Report an update."""
        now = time.monotonic()
        first = self._first = line.update if self._first is None else self._first
        if now - self._shown_s < _SHOWN_EVERY_S and line.update != updates:
            return
        self._shown_s, done = now, line.update - first + 1
        left_s = (now - self._began_s) / done * (updates - line.update)
        report(
            f"update {line.update}/{updates}, loss {line.loss:.4f}, "
            f"{line.items_per_s:.0f} items/s, {left_s:.0f} s left"
        )


def _forecast_json(found: Forecast) -> dict[str, Any]:
    shown = {name: getattr(found, name) for name in found.__dataclass_fields__}
    return {**shown, "needed_bytes": found.needed_bytes, "advice": found.advice}


def _forecast_text(found: Forecast) -> str:
    rows = [
        ("parameters", f"{found.parameters:,}, {found.trained:,} of them trained"),
        ("weights", _size(found.weights_bytes)),
        ("gradients and AdamW", _size(found.optimizer_bytes)),
        ("activations", f"{_size(found.fixed_bytes)} and {_size(found.sample_bytes)} "
                        "for each sample"),
        ("needed beside the weights", f"{_size(found.needed_bytes)} of "
                                      f"{_size(found.free_bytes)} free"),
        ("time", f"{found.updates} updates of {found.update_s:.2f} s: "
                 f"{found.total_s / 60.0:.1f} minutes, without reading samples"),
        ("advice", found.advice),
    ]  # fmt: skip
    return table(("what", "estimate"), rows)


def _size(count: int) -> str:
    """Write a number of bytes in the unit that leaves fewest digits."""
    unit = next(
        unit for unit in ("GB", "MB", "kB", "bytes") if count >= _BYTES[unit] or unit == "bytes"
    )
    return f"{count / _BYTES[unit]:.3g} {unit}"


def _figures_text(figures: Mapping[str, Any]) -> str:
    """Lay out a report: nested figures side by side, lists left out."""
    nested = {name: value for name, value in figures.items() if isinstance(value, dict)}
    plain = [(name, value) for name, value in figures.items()
             if not isinstance(value, dict | list)]  # fmt: skip
    lines = [table(("what", "value"), plain)] if plain else []
    if nested:
        names = [name for name, value in next(iter(nested.values())).items()
                 if not isinstance(value, dict | list)]  # fmt: skip
        rows = [(name, *(_short(one.get(name)) for one in nested.values())) for name in names]
        lines.append(table(("figure", *nested), rows))
    return "\n\n".join(lines)


def _short(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else "none" if value is None else str(value)
