"""The experiment: one base, several ways to train it on the new task, every task before and after on the same items.

Not here: the tasks (`tasks.py`), and how the figures are shown (`report.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reasonkit.clients.local.extra import require_packages
from reasonkit.errors import InputError
from reasonkit.train.config import TrainConfig
from reasonkit.train.config.reading import parsed
from reasonkit.train.forget.kept import BEFORE, Answered, Kept, Plan, Variant

if TYPE_CHECKING:
    from reasonkit.clients.protocol import Client
    from reasonkit.train.recipes.tiny.evaluate import Trial
    from reasonkit.train.run import Outcome


def variants_of(names: str, ranks: str) -> tuple[Variant, ...]:
    """Return the variants that lists with commas name.

    Args:
        names: of full, lora, mix and lora-mix.
        ranks: for each of which there is a variant of lora; lora-mix has the first of them.

    Raises:
        InputError: a name or a rank is not one.
    """
    found: list[Variant] = []
    try:
        numbers = [int(rank) for rank in ranks.split(",")]
    except ValueError:
        raise InputError(f"--ranks is {ranks!r}; write whole numbers with commas, for example 4,8,16,32") from None
    if any(not 1 <= number <= 256 for number in numbers):
        raise InputError(f"--ranks is {ranks!r}; a rank is from 1 to 256")
    for name in names.split(","):
        match name.strip():
            case "full":
                found.append(Variant(name="full"))
            case "lora":
                found += [Variant(name=f"lora-{number}", rank=number) for number in numbers]
            case "mix":
                found.append(Variant(name="full, mixed", mixed=True))
            case "lora-mix":
                found.append(Variant(name=f"lora-{numbers[0]}, mixed", rank=numbers[0], mixed=True))
            case other:
                raise InputError(f"--variants names {other!r}; there are: full, lora, mix, lora-mix")
    return tuple(found)


def forget(plan: Plan, *, say: Callable[[str], None] = lambda _: None) -> list[Answered]:
    """Measure the base, train each variant, and measure it on the same items.

    Args:
        plan: what is done; what stands in its folder already is neither trained nor measured again.
        say: told what is under way.

    Raises:
        MissingExtra: the extra `train` is not installed.
        InputError: the base cannot be used, or the folder holds trainings of another plan.
    """
    require_packages("reasonkit forget", "train", "torch", "transformers", "peft")
    from reasonkit.clients.local import LocalClient
    from reasonkit.train.forget.tasks import NEW, write_new, write_old

    if plan.tasks[0] != NEW:
        raise InputError(f"the first task must be the one that is trained, {NEW!r}; it is {plan.tasks[0]!r}")
    try:
        plan.out.mkdir(parents=True, exist_ok=True)
        known = Kept(plan)
        write_new(plan.out / "new.jsonl", plan.rows, n=plan.n, seed=plan.seed)
        write_old(plan.out / "old.jsonl", plan.rows, seed=plan.seed)
    except OSError as error:
        raise InputError(f"{plan.out}: {error.strerror or error}; give a folder that can be written") from None
    found = []
    base = LocalClient(plan.base)
    try:
        before = known.answers.get(BEFORE)
        if before is None:
            say(f"{BEFORE}: {plan.n} items of each of {len(plan.tasks)} tasks")
            before = known.add(Answered(variant=BEFORE, right=_measured(base, plan)))
        found.append(before)
        for variant in plan.variants:
            if variant.name in known.answers:
                found.append(known.answers[variant.name])
                continue
            folder = plan.out / variant.name.replace(", ", "-")
            say(f"{variant.name}: training on {plan.rows} rows")
            trained = _trained(plan, variant, folder)
            say(f"{variant.name}: measuring")
            if variant.rank is None:
                client = LocalClient(folder)
                right = _measured(client, plan)
                client.close()
            else:
                base.add_adapter(folder.name, folder)
                right = _measured(base, plan, folder.name)
                base.remove_adapter(folder.name)
            answered = Answered(
                variant=variant.name, right=right, loss=trained.loss, steps=trained.steps, seconds=trained.seconds
            )
            found.append(known.add(answered))
    finally:
        base.close()
    return found


def _measured(client: Client, plan: Plan, adapter: str | None = None) -> tuple[tuple[str, tuple[bool, ...]], ...]:
    from reasonkit.train.forget.tasks import Adapted, examined

    with examined(Adapted(client, adapter)) as tried:
        return tuple((task, _right(tried(task, plan.n, plan.seed))) for task in plan.tasks)


def _right(trials: Sequence[Trial]) -> tuple[bool, ...]:
    return tuple(trial.right for trial in trials)


def configuration(plan: Plan, variant: Variant, folder: Path) -> TrainConfig:
    """Return the run of a variant, as `reasonkit train` takes it."""
    data = [{"file": str(plan.out / "new.jsonl")}]
    if variant.mixed:
        data.append({"file": str(plan.out / "old.jsonl")})
    lora = variant.rank is not None
    fields = {
        "output": str(folder),
        "data": data,
        "model": {"path": str(plan.base)},
        "method": {"kind": "lora", "rank": variant.rank, "alpha": 2.0 * (variant.rank or 1)} if lora else {},
        "optimizer": {"lr": plan.lr_lora if lora else plan.lr_full, "warmup": 5},
        "batch": {"rows": 16, "max_length": 512},
        "epochs": plan.epochs,
        "seed": plan.seed,
        "checkpoint": {"verify": False},
    }
    return parsed(fields, variant.name)


def _trained(plan: Plan, variant: Variant, folder: Path) -> Outcome:
    from reasonkit.train.material import material
    from reasonkit.train.run import run
    from reasonkit.train.sharding import World

    return run(configuration(plan, variant, folder), World(), material)
