"""One self-contained page: old and new sentences with the measurements behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape
from itertools import groupby
from typing import Any

from qevd_bio.views.curve_svg import CURVE_STYLE, curve_svg
from qevd_bio.views.curves import Curve
from qevd_bio.views.formatting import (
    counted,
    finding_measure,
    measure_words,
    number_words,
    target_words,
)
from qevd_bio.views.word_diff import Piece, word_diff

Row = Mapping[str, Any]
Curves = Mapping[tuple[str, int], Sequence[Curve]]

# Nothing may be fetched and no script may run, whatever a sentence holds.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"

_NUMBERS = ("measured", "target", "deviation", "noise (1 σ)")
_NO_CHANGE = '<p class="no-change">No sentence was changed.</p>'

_STYLE = """\
:root{color-scheme:light dark;--page:#fff;--ink:#1b1f24;--muted:#57606a;--line:#d0d7de;
--card:#f6f8fa;--accent:#0550ae;--band:#1a7f37;--said:#a63d00;--cut:#ffe3e0;--cut-ink:#82071e;
--new:#d7f5dd;--new-ink:#0a4d1d}
@media (prefers-color-scheme:dark){:root{--page:#0d1117;--ink:#e6edf3;--muted:#9aa4af;
--line:#3a424c;--card:#161b22;--accent:#79c0ff;--band:#56d364;--said:#ffa657;--cut:#4c1b20;
--cut-ink:#ffd0cb;--new:#12391d;--new-ink:#b6f2c3}}
@media print{:root{color-scheme:light;--page:#fff;--ink:#000;--muted:#444;--line:#bbb;
--card:#fff;--accent:#0550ae;--band:#1a7f37;--said:#a63d00;--cut:#fff;--cut-ink:#82071e;
--new:#fff;--new-ink:#0a4d1d}.filter,.filter+label{display:none}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:64rem;padding:1rem;background:var(--page);color:var(--ink);
font:1rem/1.5 system-ui,sans-serif}
h1{font-size:1.5rem;line-height:1.25}h2{font-size:1.2rem;margin:2rem 0 0}
h3{font-size:1rem;margin:1.25rem 0 .5rem;color:var(--muted)}
label{margin-right:1rem}
#show-changed:checked~main .same{display:none}
#show-changed:checked~main .no-change{display:block}
.no-change{display:none}
article{background:var(--card);border:1px solid var(--line);border-radius:.5rem;
padding:.75rem 1rem;margin:.75rem 0}
article,figure,tr{break-inside:avoid}h2,h3{break-after:avoid}
.facts{margin:0;color:var(--muted);font-size:.875rem}
.facts strong{color:var(--ink)}
.old,.new{margin:.4rem 0;font-size:1.05rem;overflow-wrap:anywhere}
.tag{display:inline-block;min-width:2.6rem;color:var(--muted);font-size:.8125rem}
del,ins{border-radius:.2rem;padding:0 .15rem}
del{background:var(--cut);color:var(--cut-ink);text-decoration:line-through}
ins{background:var(--new);color:var(--new-ink);text-decoration:underline}
.mark{font-weight:700;text-decoration:none;display:inline-block}
.reason{margin:.25rem 0;overflow-wrap:anywhere}
figure{margin:.75rem 0 .25rem}figcaption{color:var(--muted);font-size:.8125rem}
.scroll{overflow-x:auto;position:relative}
table{border-collapse:collapse;width:100%;font-size:.875rem;margin-top:.5rem}
caption{text-align:left;color:var(--muted)}
th,td{text-align:left;padding:.25rem .6rem .25rem 0;border-top:1px solid var(--line);
vertical-align:top}
td.number{white-space:nowrap;font-variant-numeric:tabular-nums}
th{white-space:nowrap}tr.spoken{font-weight:600}
@media (max-width:40rem){thead{position:absolute;left:-99rem}tr,td,tbody,caption{display:block}
tr{border-top:1px solid var(--line);padding:.3rem 0}td{border:0;padding:0}
td[data-name]::before{content:attr(data-name) ": ";color:var(--muted);font-weight:400}}
"""


def diff_page(rows: Sequence[Row], curves: Curves, *, title: str) -> str:
    """Write the page.

    Parameters
    ----------
    rows : sequence of mapping
        Annotation rows as plain values, such as ``table.to_pylist()`` gives.
    curves : mapping of (video_id, segment_index) to sequence of Curve
        What can be drawn for a segment, its representative measure first. A sentence gets
        the curve of the finding it speaks of, or else the first.
    title : str
        Heading of the page.

    Returns
    -------
    str
        HTML that needs no other file and no script. It follows the reader's light or dark
        theme, and prints what is shown.
    """
    ordered = sorted(rows, key=lambda row: (row["video_id"], row["feedback_index"]))
    changed = sum(_is_changed(row) for row in ordered)
    videos = "".join(
        _video(video_id, list(group), curves)
        for video_id, group in groupby(ordered, key=lambda row: str(row["video_id"]))
    )
    start_changed, start_all = (" checked", "") if changed else ("", " checked")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{_STYLE}{CURVE_STYLE}</style>\n</head>\n"
        f"<body>\n<h1>{escape(title)}</h1>\n"
        f"<p>{counted(len(ordered), 'utterance')}, {changed} changed.</p>\n"
        f'<input class="filter" type="radio" name="show" id="show-changed"{start_changed}>\n'
        f'<label for="show-changed">changed only ({changed})</label>\n'
        f'<input class="filter" type="radio" name="show" id="show-all"{start_all}>\n'
        f'<label for="show-all">all ({len(ordered)})</label>\n'
        f"<main>\n{'' if changed else _NO_CHANGE}{videos}</main>\n</body>\n</html>\n"
    )


def _is_changed(row: Row) -> bool:
    return bool(row["feedback"] != row["feedback_original"])


def _shown_class(rows: Sequence[Row]) -> str:
    return "changed" if any(_is_changed(row) for row in rows) else "same"


def _video(video_id: str, rows: Sequence[Row], curves: Curves) -> str:
    segments = [
        (key, list(group)) for key, group in groupby(rows, key=lambda row: row["segment_index"])
    ]
    parts = [f'<section class="{_shown_class(rows)}">\n<h2>Video {escape(video_id)}</h2>\n']
    for index, said in segments:
        name = "Between exercises" if index is None else f"Segment {index}: {_exercise(said)}"
        parts.append(f'<section class="{_shown_class(said)}">\n<h3>{escape(name)}</h3>\n')
        parts += [_utterance(row, curves) for row in said]
        parts.append("</section>\n")
    return "".join(parts) + "</section>\n"


def _exercise(rows: Sequence[Row]) -> str:
    text = rows[0]["exercise_text"] or rows[0]["exercise"]
    return str(text) if text else "unnamed exercise"


def _utterance(row: Row, curves: Curves) -> str:
    facts = (
        f'<p class="facts"><strong>{escape(row["status"])}</strong> · {escape(row["kind"])} · '
        f"utterance {int(row['feedback_index'])}, frames {int(row['frame_start'])} to "
        f"{int(row['frame_end']) - 1}</p>\n"
    )
    reason = f'<p class="reason">{escape(row["reason"])}</p>\n' if row["reason"] else ""
    return (
        f'<article class="{_shown_class([row])}">\n{facts}{_sentences(row)}{reason}'
        f"{_figure(row, curves)}{_findings(row['findings'])}</article>\n"
    )


def _sentences(row: Row) -> str:
    old, new = row["feedback_original"], row["feedback"]
    if old == new:
        return f'<p class="old"><span class="tag">kept</span> {escape(old)}</p>\n'
    pieces = word_diff(old, new)
    return (
        f'<p class="old"><span class="tag">old</span> {_marked(pieces, "deleted")}</p>\n'
        f'<p class="new"><span class="tag">new</span> {_marked(pieces, "inserted")}</p>\n'
    )


def _marked(pieces: Sequence[Piece], change: str) -> str:
    name, sign = ("del", "−") if change == "deleted" else ("ins", "+")
    parts = []
    for piece in pieces:
        if piece.change == "same":
            parts.append(escape(piece.text))
        elif piece.change == change:
            word = piece.text.lstrip()
            space = piece.text[: len(piece.text) - len(word)]
            parts.append(f'{space}<{name}><span class="mark">{sign}</span>{escape(word)}</{name}>')
    return "".join(parts)


def _figure(row: Row, curves: Curves) -> str:
    if row["segment_index"] is None or not (row["cycle"] or row["findings"] or _is_changed(row)):
        return ""
    drawn = curves.get((row["video_id"], row["segment_index"]), ())
    if not drawn:
        return ""
    curve = _spoken_curve(row, drawn)
    cycle = row["cycle"]
    spoken = (cycle["start_s"], cycle["key_s"], cycle["end_s"]) if cycle else None
    svg = curve_svg(curve, said_s=row["timestamp_s"], spoken=spoken)
    caption = escape(_caption(curve, row["timestamp_s"], spoken))
    return f"<figure>{svg}<figcaption>{caption}</figcaption></figure>\n"


def _spoken_curve(row: Row, drawn: Sequence[Curve]) -> Curve:
    """Choose the curve; the band is the spoken finding's, if it is about the key frame."""
    for finding in row["findings"]:
        for curve in drawn:
            if not finding["spoken"] or curve.measure != finding_measure(finding):
                continue
            at_key = finding["check"] == "dynamic"
            return replace(
                curve,
                target_low=finding["target_low"] if at_key else None,
                target_high=finding["target_high"] if at_key else None,
                tolerance=finding["tolerance"] if at_key else 0.0,
            )
    return drawn[0]


def _caption(curve: Curve, said_s: float | None, spoken: tuple[float, float, float] | None) -> str:
    target = target_words(curve.target_low, curve.target_high, curve.tolerance, curve.unit)
    said = [f"{curve.label[:1].upper()}{curve.label[1:]}"]
    if said_s is not None:
        said.append(f"said {number_words(said_s - float(curve.time_s[0]), 's')} into the segment")
    if target != "–":
        said.append(f"band: target {target}")
    if curve.cycles:
        said.append("rings: key frames; strokes at the bottom: ends of cycles")
    if spoken:
        said.append("shaded, full dot: the cycle spoken of")
    if not curve.valid.all():
        said.append("grey: nobody seen")
    return "; ".join(said) + "."


def _findings(findings: Sequence[Row]) -> str:
    if not findings:
        return ""
    head = "".join(f'<th scope="col">{name}</th>' for name in ("finding", *_NUMBERS, "verdict"))
    body = "".join(_finding(finding) for finding in findings)
    return (
        '<div class="scroll"><table>\n<caption>Constraints checked on this cycle</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table></div>\n"
    )


def _finding(finding: Row) -> str:
    unit = finding["unit"]
    cells = (
        number_words(finding["measured"], unit),
        target_words(finding["target_low"], finding["target_high"], finding["tolerance"], unit),
        number_words(finding["deviation"], unit, signed=True),
        number_words(finding["sigma"], unit),
    )
    numbers = "".join(
        f'<td class="number" data-name="{name}">{escape(cell)}</td>'
        for name, cell in zip(_NUMBERS, cells, strict=True)
    )
    spoken = ' class="spoken"' if finding["spoken"] else ""
    name = escape(_checked(finding))
    return f"<tr{spoken}><td>{name}</td>{numbers}<td>{_verdict(finding)}</td></tr>\n"


def _checked(finding: Row) -> str:
    if finding["check"] == "tempo":
        return "duration of the cycle"
    about = "movement over the cycle" if finding["check"] == "static" else finding["phase"]
    name = measure_words(finding_measure(finding))
    return f"{name}, {about}" if about else name


def _verdict(finding: Row) -> str:
    if finding["status"] != "measured":
        words = f"– not judged: {finding['reason'] or finding['status']}"
    elif finding["violated"]:
        words = f"✗ violated: {finding['instruction']}"
    elif finding["deviation"]:
        words = "✓ off target, within tolerance and noise"
    else:
        words = "✓ on target"
    return escape(words + (" (spoken of)" if finding["spoken"] else ""))
