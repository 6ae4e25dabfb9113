"""The results: JSON, a table in Markdown, a chart."""

from __future__ import annotations

import json
import statistics
from typing import TYPE_CHECKING, Any

from . import chart
from .clients import BY_KEY
from .rounds import Ratio, Series

if TYPE_CHECKING:
    from pathlib import Path

Measured = dict[str, dict[str, Series | str]]

TITLES = {
    "serial": "cancel, one after the other, HTTP/1.1 over TLS",
    "bulk": "cancel, 100 at a time, HTTP/2 over TLS",
    "confirm-serial": "cancel + get, one after the other, HTTP/1.1 over TLS",
    "confirm-bulk": "cancel + get, 100 at a time, HTTP/2 over TLS",
    "scheduler": "a scheduler: all cancels, then all gets (R: cancel + get)",
    "errors": "cancel in bulk, 1 % of the answers 404 or 503",
    "errors-scheduler": "a scheduler, 1 % of the answers to a cancel 404 or 503",
    "late": "cancel in bulk, a server that answers after 20 ms",
    "nginx": "cancel, one after the other, nginx",
    "emulator": "cancel, one after the other, the emulator",
}

# Work, above, below, target, stretch: the ratio is at most that, or, of theirs to ours, at least.
RATIOS = (
    ("Rust bulk cancel, CPU against R", "bulk", "ours", "raw", 1.05, 0.97),
    ("Rust serial cancel, CPU against R", "serial", "ours", "raw", 1.05, 0.98),
    ("bulk against google-androidmanagement1", "bulk", "ours", "google", 0.63, 0.57),
    ("serial against google-androidmanagement1", "serial", "ours", "google", 0.90, 0.86),
    ("bulk against reqwest", "bulk", "ours", "reqwest", 0.48, 0.44),
    ("serial against reqwest", "serial", "ours", "reqwest", 0.76, 0.72),
    ("cancel + confirm in bulk, against R", "confirm-bulk", "ours", "raw", 1.10, 1.05),
    ("the same as a scheduler", "scheduler", "ours", "raw", 1.10, 1.05),
    ("Python serial, against R", "serial", "py", "raw", 1.08, 1.01),
    ("google-api-python-client, cached, against Python", "serial", "google-py", "py", 13, 14.5),
    (
        "google-api-python-client, as in its samples, against Python",
        "serial", "google-py-samples", "py", 90, 105,
    ),
    ("Python scheduler (cancel + confirm), against R", "scheduler", "py", "raw", 1.06, 0.95),
    ("aiohttp cancel + get against a Python scheduler", "confirm-bulk/scheduler", "aiohttp", "py", 20, 25),
    ("1 % errors mixed in, against none", "errors", "ours+errors", "ours", 1.10, 1.03),
    ("1 % errors in a scheduler, against none", "errors-scheduler", "ours+errors", "ours", 1.10, 1.03),
)  # fmt: skip


def write(
    directory: Path, result: dict[str, Any], measured: Measured, extra: dict[str, Any]
) -> None:
    """Writes everything; figures that were not measured this time stay in the JSON file."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "results.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    for work, series in measured.items():
        known.setdefault("works", {})[work] = {
            "title": TITLES[work],
            "date": result["date"],
            "load": result["machine"]["load"],
            "clients": {key: _plain(what) for key, what in series.items()},
        }
    for name, value in extra.items():
        known[name] = {"date": result["date"], "figures": json.loads(json.dumps(value))}
    known["run"] = result
    path.write_text(json.dumps(known, indent=1) + "\n")
    (directory / "table.md").write_text(_table(known))
    _chart(directory, known)


def _plain(what: Series | str) -> dict[str, Any] | str:
    if isinstance(what, str):
        return what
    return {
        "operations": what.operations,
        "refused": what.refused,
        "cpu_us": [round(value, 3) for value in what.cpu],
        "per_second": round(statistics.median(what.per_second)),
    }


def _cpu(known: dict[str, Any], work: str, key: str) -> list[float] | None:
    what = known.get("works", {}).get(work, {}).get("clients", {}).get(key)
    return what["cpu_us"] if isinstance(what, dict) else None


def _table(known: dict[str, Any]) -> str:
    run = known["run"]
    machine = ", ".join(f"{key} {value}" for key, value in run["machine"].items())
    out = ["# Clients compared", ""]
    out += [f"Measured {run['date']} on: {machine}. {run['rounds']} rounds, one core.", ""]
    out += [
        "| figure | target | stretch | measured | middle half | all | |",
        "|---|---|---|---|---|---|---|",
    ]
    for label, work, above, below, target, stretch in RATIOS:
        first, _, second = work.partition("/")
        tops, bottoms = _cpu(known, first, above), _cpu(known, second or first, below)
        if not tops or not bottoms or len(tops) != len(bottoms):
            out.append(f"| {label} | {target} | {stretch} | not measured | | | |")
            continue
        ratio = Ratio.of(tops, bottoms)
        better = ratio.median >= target if target > 2 else ratio.median <= target
        best = ratio.median >= stretch if target > 2 else ratio.median <= stretch
        word = "stretch" if best else "reached" if better else "missed"
        noisy = ", noisy" if ratio.spread > 0.1 else ""
        out.append(
            f"| {label} | {target} | {stretch} | {ratio.median:.2f} "
            f"| {ratio.lower:.2f} to {ratio.upper:.2f} "
            f"| {ratio.least:.2f} to {ratio.most:.2f} | {word}{noisy} |"
        )
    out += ["", *_counts(known), *_cold(known)]
    for work, title in TITLES.items():
        if work not in known.get("works", {}):
            continue
        part = known["works"][work]
        out += ["", f"**{title}** ({part['date']}, load {part['load']})", ""]
        out += [
            "| client | CPU µs an operation | against R | operations a second |",
            "|---|---|---|---|",
        ]
        base = _cpu(known, work, "raw")
        for key, what in part["clients"].items():
            label = BY_KEY[key.removesuffix("+errors")].label
            label += ", with errors" if key.endswith("+errors") else ""
            if isinstance(what, str):
                out.append(f"| {label} | {what.splitlines()[0][:120]} | | |")
                continue
            same = base and len(base) == len(what["cpu_us"])
            ratio = str(Ratio.of(what["cpu_us"], base)) if same else ""
            middle = statistics.median(what["cpu_us"])
            out.append(f"| {label} | {middle:.2f} | {ratio} | {what['per_second']:,} |")
    for name in ("memory", "simulated"):
        if name in known:
            figures = json.dumps(known[name]["figures"], indent=1)
            out += ["", f"**{name}** ({known[name]['date']})", "", "```json", figures, "```"]
    return "\n".join([*out, ""])


def _counts(known: dict[str, Any]) -> list[str]:
    if "counts" not in known:
        return []
    out = [
        "| count for an operation | work | R | Countermand | ratio | others |",
        "|---|---|---|---|---|---|",
    ]
    for name, works in known["counts"]["figures"].items():
        for work, values in works.items():
            # A scheduler sends the two requests that R sends.
            base = values.get("raw", works.get("confirm-bulk", {}).get("raw"))

            def against(value: float | str, base: float | str | None = base) -> str:
                both = isinstance(base, float) and isinstance(value, float) and base
                return f"{value / base:.3f}" if both else ""

            ours = values["ours"]
            others = "; ".join(
                f"{BY_KEY[key].label} {value} ({against(value)})"
                for key, value in values.items()
                if key not in {"raw", "ours"}
            )
            name_of = name.replace("_", " ")
            out.append(f"| {name_of} | {work} | {base} | {ours} | {against(ours)} | {others} |")
    return [*out, ""]


def _cold(known: dict[str, Any]) -> list[str]:
    if "cold" not in known:
        return []
    out = ["| one cancel from a cold start | ms | against R |", "|---|---|---|"]
    figures = known["cold"]["figures"]
    names = {"bare": "Python, nothing", "cli-roots": "Countermand, command, all the roots"}
    for key, times in figures.items():
        label = names.get(key) or BY_KEY[key].label
        if isinstance(times, str):
            out.append(f"| {label} | {times.splitlines()[0][:120]} | |")
            continue
        raw = figures.get("raw")
        ratio = Ratio.of(times, raw) if isinstance(raw, list) and len(raw) == len(times) else ""
        out.append(f"| {label} | {statistics.median(times):.1f} | {ratio} |")
    return out


def _chart(directory: Path, known: dict[str, Any]) -> None:
    for work in ("serial", "bulk"):
        clients = known.get("works", {}).get(work, {}).get("clients", {})
        rows = []
        for key, what in clients.items():
            if isinstance(what, dict):
                client = BY_KEY[key]
                kind = "limit" if key in ("raw", "h2load") else "theirs"
                kind = "ours" if client.label.startswith("Countermand") else kind
                cpu = statistics.median(what["cpu_us"])
                # In a quick look, starting may seem to take more than the whole run.
                if cpu > 0:
                    rows.append((client.label, cpu, kind))
        if rows:
            rows.sort(key=lambda row: row[1])
            title = f"Microseconds of CPU for {TITLES[work]}"
            chart.bars(directory / f"{work}.svg", title, rows)
