"""Transfer of the masked family: pretrained on one dataset, fine-tuned on PKU-MMD II cross-subject (spec-masked §4).

Each recipe starts from the folder where its source's recipe leaves a run; ``start.weights`` names another.
"""

from kineme.recipes.base import Published, RunConfig, fine_tuning, recipe_config, recipes

SOURCES = ("ntu60-xsub", "ntu120-xsub", "pku1-xsub")
PUBLISHED = {
    "mamp-ntu60-xsub": Published(protocol="finetune", value=70.6, source="MAMP as quoted by later tables"),
    "mamp-ntu120-xsub": Published(protocol="finetune", value=73.2, source="MAMP as quoted by later tables"),
}


def _register(source: str) -> None:
    def recipe() -> RunConfig:
        config = fine_tuning(recipe_config(source), weights=f"runs/{source}")
        published = (PUBLISHED[source],) if source in PUBLISHED else ()
        return config.with_changes(
            split="pku2-xsub", prepare=config.prepare.with_changes(centre=False), published=published
        )

    recipe.__doc__ = f"Fine-tuning on PKU-MMD II, cross-subject, of what {source} pretrained; raw camera coordinates."
    recipes.register(f"{source}-to-pku2-xsub")(recipe)


for method in ("mamp", "hacm", "stjd_mp"):
    for data in SOURCES:
        _register(f"{method}-{data}")
