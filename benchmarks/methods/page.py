"""The results as lines of a table, as data and as the page docs/results.md."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks import wiring
from benchmarks.methods.kept import Kept
from benchmarks.methods.rows import Row
from benchmarks.methods.runs import PARTS, finished, mean_and_deviation
from lithify.ir.errors import LithifyError

Plain = dict[str, Any]
SIZES = ("gates as built", "optimised")
HEADINGS = ("row", "published", "ours", "soft", "bar", "runs", *SIZES, "time")
ABOUT = """\
# Results

What the methods reach here, beside what is published. `python -m benchmarks.methods` trains what is
not trained yet and shows this table; `--write docs/results.md` writes this page from the records in
`benchmarks/results`, and trains nothing.

Accuracies are those of the *hard* net, the one that becomes gates, on the test set, in per cent:
the mean over the runs and their standard deviation. The epoch is chosen on a validation part of the
training samples; where the recipe says `validation = 0.0` it is the last, and of several starts the
last of the one that the training samples like best. *Soft* is the accuracy of the net that was
trained, and the share of test samples on which both predict the same class. Gates are counted as
tables of encoder / core / head, with thresholds, class sums and the argmax written out: *as built*,
gate by gate as the layers say, and *optimised* by `lithify compile`; the first
run's. Time is that of training one run.
"""
WIRING = """\
## Wiring

What sources from a neighbourhood (`locality`) cost in accuracy and buy in place and route, by
`python -m benchmarks.wiring`: three layers of gates, the last 0.3 times as wide, on the digits of
scikit-learn, three seeds. The net of seed 0 is laid out alone on an ECP5-25F with registers after
every level: its clock is the median of three placement seeds, *wires* the placer's estimate of
their length.
"""
KEPT = """\
## Kept models

Hard nets in [examples/models](../examples/models), each with a card beside it (data, split, seed,
accuracy, gates, command, versions). They compile without the data and without training;
`python -m benchmarks.methods --check` measures them all again.
"""


def summary(row: Row, runs: Sequence[Plain]) -> Plain:
    """What the finished runs of a row come to."""
    done = finished(row, runs)
    found: Plain = {"row": row.name, "runs": len(done), "of": row.seeds, "bar": row.bar}
    found["state"] = state(row, len(done))
    if done:
        mean, deviation = mean_and_deviation(done)
        found |= {
            "mean": mean,
            "deviation": deviation,
            "met": row.bar is None or mean >= row.bar,
            "gates": done[0].get("gates"),
            **{key: mean_of(done, key, 100) for key in ("soft", "agreement", "without")},
            "seconds": mean_of(done, "seconds"),
        }
        if row.members > 1:
            found |= judge_ensemble(found, done)
        if row.least_gain is not None:
            found["met"] = found["mean"] - found["without"] >= row.least_gain
    return found


def mean_of(runs: Sequence[Plain], key: str, scale: float = 1) -> float | None:
    """The mean of a figure, of the runs that have it."""
    values = [scale * run[key] for run in runs if run.get(key) is not None]
    return sum(values) / len(values) if values else None


def state(row: Row, done: int) -> str:
    """How far a row is, in words."""
    if not done:
        return "not run"
    return "done" if done == row.seeds else "unfinished"


def judge(rows: Sequence[Row], runs: Sequence[Plain]) -> list[Plain]:
    """The summaries of rows, those with a yardstick row compared with it."""
    found = {row.name: summary(row, runs) for row in rows}
    for row in rows:
        ours, other = found[row.name], found.get(row.not_below or "")
        if other and "mean" in ours and "mean" in other:
            least = other["mean"] - other["deviation"]
            ours["not_below"] = ours["mean"] >= least
            ours["met"] = ours["met"] and ours["not_below"]
    return [found[row.name] for row in rows]


def judge_ensemble(found: Plain, runs: Sequence[Plain]) -> Plain:
    """What is asked of an ensemble: not to fall below the mode, and to know what it gets wrong.

    The answers that it does not reject must have a third fewer errors than all.
    """
    figures = {
        key: mean_of(runs, key, 100)
        for key in ("mode_accuracy", "rejected", "accuracy_of_accepted")
    }
    mode, accepted = figures["mode_accuracy"], figures["accuracy_of_accepted"]
    assert mode is not None and accepted is not None
    cut = 1 - (100 - accepted) / (100 - found["mean"]) if found["mean"] < 100 else 0.0
    return {**figures, "cut": 100 * cut, "met": found["mean"] >= mode and 3 * cut >= 1}


def cells(row: Row, found: Plain) -> tuple[str, ...]:
    """The line of a row."""
    bar = "" if row.bar is None else f"{row.bar:g}"
    if "mean" not in found:
        runs = f"0 of {row.seeds}"
        return (row.name, row.published, found["state"], "", bar, runs, "", "", "")
    spread = f" ± {found['deviation']:.2f}" if found["runs"] > 1 else ""
    judged = row.bar is not None or row.members > 1 or row.least_gain is not None
    verdict = "" if not judged else " met" if found["met"] else " MISSED"
    verdict += " so far" if verdict and found["runs"] < row.seeds else ""
    seconds = found["seconds"]
    return (
        row.name,
        row.published,
        f"{found['mean']:.2f}{spread}",
        "" if found["soft"] is None else f"{found['soft']:.2f}, {found['agreement']:.2f} agree",
        bar + verdict,
        f"{found['runs']} of {row.seeds}",
        *(parts((found["gates"] or {}).get(stage)) for stage in ("built", "optimised")),
        "" if seconds is None else duration(seconds),
    )


def parts(sizes: Plain | None) -> str:
    """Encoder, core and head; nothing where they are not known."""
    if sizes is None:
        return ""
    return " / ".join(f"{sizes[part]:,}" for part in PARTS)


def duration(seconds: float) -> str:
    """Seconds, or minutes where there are many."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def table(rows: Sequence[Row], runs: Sequence[Plain]) -> str:
    """The results as text in columns."""
    lines = [HEADINGS, *(cells(*pair) for pair in zip(rows, judge(rows, runs), strict=True))]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADINGS))]
    padded = ("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) for line in lines)
    return "\n".join(line.rstrip() for line in padded)


def page(
    rows: Sequence[Row], runs: Sequence[Plain], kept: Sequence[Kept], wired: Sequence[Plain]
) -> str:
    """The page, the same for the same records."""
    lines = [ABOUT, "| " + " | ".join(("net", "data", *HEADINGS[1:])) + " |"]
    lines.append("|---" * (len(HEADINGS) + 1) + "|")
    for row, found in zip(rows, judge(rows, runs), strict=True):
        _, published, *rest = cells(row, found)
        cited = f"{published} ({row.source})" if row.source else "none"
        lines.append("| " + " | ".join((row.net, row.data, cited, *rest)) + " |")
    notes = [f"- {line}" for row in rows for line in remarks(row, summary(row, runs))]
    lines += ["", *notes, ""] if notes else [""]
    lines += [
        WIRING,
        *wiring.table(wired),
        "",
        KEPT,
        "| model | data | accuracy | gates as built | optimised | kB |",
    ]
    lines.append("|---|---|---|---|---|---|")
    lines += [kept_line(one) for one in kept]
    return "\n".join(lines) + "\n"


def remarks(row: Row, found: Plain) -> list[str]:
    """What there is to say of a row below the table."""
    said = [f"`{row.name}`: {row.note}"] if row.note else []
    if found.get("without") is not None:
        gain = found["mean"] - found["without"]
        said.append(
            f"`{row.name}`: without what it is about {found['without']:.2f} %, {gain:.2f} points "
            f"less; {row.least_gain:g} are asked for"
        )
    if "cut" in found:
        said.append(
            f"`{row.name}`: the mode alone has {found['mode_accuracy']:.2f} %; "
            f"{found['rejected']:.2f} % of the answers are rejected, and the rest has "
            f"{found['accuracy_of_accepted']:.2f} %, {found['cut']:.0f} % fewer errors"
        )
    return said


def kept_line(kept: Kept) -> str:
    """The line of a kept model."""
    card = kept.card()
    found = (
        f"`{kept.name}`",
        card["data"]["title"],
        f"{100 * card['accuracy']['test']:.2f} % of {card['accuracy']['test_samples']:,}",
        *(parts(card["gates"][stage]) for stage in ("built", "optimised")),
        str(-(-kept.model.stat().st_size // 1000)),
    )
    return "| " + " | ".join(found) + " |"


def failure(error: LithifyError) -> str:
    """The first line of what went wrong."""
    return str(error).splitlines()[0]
