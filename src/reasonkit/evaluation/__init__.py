"""Evaluation: datasets, resumable runs, honest figures, paired comparison."""

from reasonkit.evaluation.compare import Comparison, Flip, compare
from reasonkit.evaluation.datasets import Dataset, Metric, load_dataset
from reasonkit.evaluation.intervals import Interval, bootstrap, mcnemar, mean, paired_bootstrap, wilson
from reasonkit.evaluation.report import markdown
from reasonkit.evaluation.rows import Row, read_rows
from reasonkit.evaluation.run import Settings, evaluate, read_settings
from reasonkit.evaluation.scoring import Score, score
from reasonkit.evaluation.table import Figures, Tally, figures, table

__all__ = [
    "Comparison",
    "Dataset",
    "Figures",
    "Flip",
    "Interval",
    "Metric",
    "Row",
    "Score",
    "Settings",
    "Tally",
    "bootstrap",
    "compare",
    "evaluate",
    "figures",
    "load_dataset",
    "markdown",
    "mcnemar",
    "mean",
    "paired_bootstrap",
    "read_rows",
    "read_settings",
    "score",
    "table",
    "wilson",
]
