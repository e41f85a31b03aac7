"""Join the maps of each patient: sites for a lead, corridors through scar, one page."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("cpu"), install_kfp_package=False)
def plan(
    cohort_uri: str,
    subjects: list[str],
    scar_maps: dsl.Input[dsl.Dataset],
    functions: dsl.Input[dsl.Dataset],
    activations: dsl.Input[dsl.Dataset],
    results: dsl.Output[dsl.Dataset],
    results_uri: str,
    tracking_uri: str = "",
    experiment: str = "cardioscar",
    run_id: str = "",
    surface: str = "epicardium",
    draws: int = 100,
    figures: bool = True,
    options: dict = {},  # noqa: B006
):
    """Join the maps of each patient: sites for a lead outside scar, corridors through it; publish, record the run.

    Args:
        cohort_uri: Folder or s3:// prefix of subject folders, or of a cohort.csv.
        subjects: Ids of the subjects of this shard.
        scar_maps: Output of study_scar.
        functions: Output of study_function.
        activations: Output of study_activation.
        results: One folder for each subject with metrics.json, plan.json, plan.vtu, report.html and status.json.
        results_uri: Folder or s3:// prefix in which each subject's results are published.
        tracking_uri: MLflow server; empty takes MLFLOW_TRACKING_URI, and without that tracks nothing.
        experiment: MLflow experiment of the cohort.
        run_id: Name of the run, which vouches for what it publishes; empty for none.
        surface: Where a lead stands: epicardium, endocardium, or anywhere in the wall.
        draws: Draws of the activation map, over which sites are scored.
        figures: Draw the figures of the reports.
        options: Further settings of plan by name, such as {"sites": {"away_from_apex": false}}.
    """
    from cardioscar.logs import configure
    from cardioscar.stages.recording import Recording
    from cardioscar.stages.study import plan as stage

    configure(stderr=True)
    # calls, because they name a setting that is given twice
    sites = dict(surface=surface, **options.get("sites", {}))
    others = {name: value for name, value in options.items() if name != "sites"}
    settings = dict(draws=draws, figures=figures, sites=sites, **others)
    stage.run(
        cohort_uri,
        scar_maps.path,
        functions.path,
        activations.path,
        subjects,
        results.path,
        settings,
        Recording(results_uri, tracking_uri, experiment, run_id),
    )
