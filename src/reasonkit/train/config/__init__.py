"""The configuration of a training run: what it holds, how it is read, and where it differs from what lies underneath.

Not here: anything that reads data, loads a model or imports torch.
"""

from reasonkit.train.config.differences import Difference, differences
from reasonkit.train.config.groups import (
    BatchConfig,
    CheckpointConfig,
    EvaluationConfig,
    MethodConfig,
    ModelConfig,
    OptimizerConfig,
    TaskConfig,
)
from reasonkit.train.config.model import Objective, TrainConfig
from reasonkit.train.config.reading import load_config, written

__all__ = [
    "BatchConfig",
    "CheckpointConfig",
    "Difference",
    "EvaluationConfig",
    "MethodConfig",
    "ModelConfig",
    "Objective",
    "OptimizerConfig",
    "TaskConfig",
    "TrainConfig",
    "differences",
    "load_config",
    "written",
]
