"""What was run, as tables of an HTML page."""

from collections.abc import Sequence

from kineme.evaluate.recipe_changes import recipe_changes
from kineme.evaluate.report import RunReport
from kineme.viz.html_page import Html, Section, element, paragraph, table


def runs_section(reports: Sequence[RunReport]) -> Section:
    """Settings and facts of all runs side by side, what each changed of its recipe, and everything else to unfold."""
    facts = [_facts(report) for report in reports]
    rows = [(name, *(each[name] for each in facts)) for name in facts[0]]
    overview = table("One column per run", ("", *(report.name for report in reports)), rows)
    return Section("What was run", [overview, *(part for report in reports for part in _settings(report))])


def _facts(report: RunReport) -> dict[str, str]:
    record, config, steps = report.run.record, report.run.config, report.run.metrics()
    trained = (
        f"{steps[-1]['epoch']:g} of {config.train.epochs}" if steps else f"not recorded, {config.train.epochs} set"
    )
    return {
        "folder": str(report.run.path),
        "method": config.method.name,
        "encoder": config.encoder.name,
        "recipe": config.recipe or "-",
        "started from": config.start.weights or "initial weights",
        "split": config.split or "all clips",
        "store": record.store or "-",
        "dataset": str(record.provenance.get("dataset", "-")),
        "layout": f"{report.run.layout.name}, {report.run.layout.num_joints} joints, {record.channels} coordinates",
        "stream": config.prepare.stream,
        "training clips": str(record.num_clips) if record.num_clips else "not known",
        "epochs": trained,
        "batch size": str(config.train.batch_size),
        "seed": str(config.train.seed),
        "wall time": duration(steps[-1]["seconds"]) if steps else "not recorded",
        "compute": _compute(report),
        "versions": f"kineme {record.kineme}, torch {record.torch}, Python {record.python}",
    }


def _compute(report: RunReport) -> str:
    compute = report.run.compute()
    if compute is None:
        return "not recorded"
    return f"{compute.flops:.2g} FLOPs, {compute.processes} x {compute.device}, {compute.precision}"


def duration(seconds: float) -> str:
    """Hours, minutes and seconds, of which the largest two."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _settings(report: RunReport) -> list[Html]:
    changes, recipe = recipe_changes(report.run.config), report.run.config.recipe
    heading = element("h3", f"Settings of {report.name}")
    whole = element("pre", report.run.config.model_dump_json(indent=1))
    everything = element("details", element("summary", "All settings, as in run.json"), whole)
    if changes is None:
        text = f"The recipe {recipe} is not among those of this kineme" if recipe else "The run has no recipe"
        return [heading, paragraph(f"{text}, so changes against it are not shown."), everything]
    if not changes:
        return [heading, paragraph(f"Those of the recipe {recipe}, unchanged."), everything]
    rows = ((change.setting, change.recipe, change.run) for change in changes)
    return [heading, table(f"Changed against {recipe}", ("setting", "recipe", "run"), rows), everything]
