"""Will it fit, on what, and how long does it take: a training run in figures, before it starts and without torch.

    shapes.py, families.py, configs.py   a model's weights, from a name, a config.json or sizes
    states.py, adapters.py               bytes at rest: the ZeRO paper's formulas, and torch's shards to the byte
    activations.py, calibrate.py         bytes of activations: measured factors, and how they are measured
    planning.py, verdict.py, report.py   the peak, what makes it fit, and all of it together
    chinchilla.py, compute.py            tokens, FLOPs and time
    chart.py                             the picture

Not for: running anything. Only calibrate.py needs torch, when it is called.
"""

from reasonkit.train.plan.activations import Calibration, read_calibrations
from reasonkit.train.plan.adapters import Lora
from reasonkit.train.plan.configs import shape_of
from reasonkit.train.plan.planning import Option, Run
from reasonkit.train.plan.report import Plan, plan
from reasonkit.train.plan.shapes import Shape, assumed_shape

__all__ = [
    "Calibration",
    "Lora",
    "Option",
    "Plan",
    "Run",
    "Shape",
    "assumed_shape",
    "plan",
    "read_calibrations",
    "shape_of",
]
