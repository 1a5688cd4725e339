"""The mermaid diagram of a chart, written from its own table, and its place in a Markdown file."""

import re

from engine.chart import Chart


class MarkerMissing(LookupError):
    """The file has no place for the diagram."""


def mermaid(chart: Chart) -> str:
    """A state diagram: one arrow for each pair of states, labelled with its triggers in the order of the table."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for step in chart.steps:
        arrows.setdefault((step.source.name, step.target.name), []).append(step.trigger)
    lines = ["stateDiagram-v2"]
    lines += [f"    [*] --> {state.name}: new" for state in chart.initial]
    lines += [f"    {source} --> {target}: {', '.join(triggers)}" for (source, target), triggers in arrows.items()]
    left = {step.source for step in chart.steps}
    lines += [f"    {state.name} --> [*]" for state in chart.states if state not in left]
    return "\n".join(lines)


def place(text: str, chart: Chart) -> str:
    """The Markdown text with this chart's diagram between its markers. Raises MarkerMissing."""
    begin, end = f"<!-- diagram {chart.name} -->", f"<!-- end {chart.name} -->"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if not pattern.search(text):
        raise MarkerMissing(f"There is no {begin} … {end} in the file.")
    return pattern.sub(lambda _: f"{begin}\n```mermaid\n{mermaid(chart)}\n```\n{end}", text)
