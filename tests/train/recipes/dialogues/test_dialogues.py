"""The dialogues that ship: at least 1,000, each summary told by its dialogue, and what fine-tuning on them does."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

import reasonkit.train.recipes.dialogues as recipe
from reasonkit import Prompt
from reasonkit.errors import DatasetError
from reasonkit.evaluation.intervals import Interval, bootstrap
from reasonkit.train.batches import Batches
from reasonkit.train.config import load_config
from reasonkit.train.recipes.dialogues.make import ROWS, SEED, pair, row
from reasonkit.train.rouge import rouge_l
from tests.train.letters import Letters

FOLDER = Path(str(recipe.__file__)).parent
SHIPPED = [json.loads(line) for line in (FOLDER / "dialogues.jsonl").read_text().splitlines()]


def test_at_least_a_thousand_different_dialogues_ship_and_can_be_made_again() -> None:
    assert len(SHIPPED) == ROWS >= 1000
    assert len({one["dialogue"] for one in SHIPPED}) == ROWS
    made = [row(SEED, index) for index in range(100)]
    assert [one["dialogue"] for one in made] == [one["dialogue"] for one in SHIPPED[:100]]
    assert pair(SEED, 3) == {"input": made[3]["dialogue"], "target": made[3]["summary"]}


def test_a_summary_names_only_what_its_dialogue_names() -> None:
    for one in SHIPPED:
        told = one["dialogue"].lower()
        capitals = {word.rstrip(".,").removesuffix("'s") for word in one["summary"].split() if word[:1].isupper()}
        assert all(word.lower() in told for word in capitals), one
        speakers = {line.partition(":")[0] for line in one["dialogue"].splitlines()}
        assert len(speakers) == 2
        assert speakers & capitals


def test_no_scene_is_rare_and_a_summary_seldom_comes_twice() -> None:
    starts = Counter(" ".join(word for word in one["summary"].split() if word.islower())[:20] for one in SHIPPED)
    assert len(starts) >= 12
    assert len({one["summary"] for one in SHIPPED}) > 0.95 * ROWS


def test_the_configuration_reads_them_with_their_prompt() -> None:
    config = load_config(FOLDER / "config.toml", ["data.0.rows=500", "batch.max_length=512"])
    made = Batches(config, Letters(begins=False, ends=True))
    assert made.prompt_sha256() == Prompt.load("summary/default").sha256
    assert made.report()[0].startswith("dialogues: 500 rows, 500 sequences")
    assert len(made.sources[0].held_out) == config.evaluation.rows
    with pytest.raises(DatasetError, match="no dataset 'talks' ships to train on; there are: dialogues"):
        Batches(load_config(FOLDER / "config.toml", ["data.0.file=bundled:talks"]), Letters())


@pytest.mark.slow
def test_a_thousand_rows_teach_an_encoder_decoder_more_than_a_hundred(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Made on the spot, the same steps for each; asked through the library with the prompt that it was trained with."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    torch.set_num_threads(1)
    scores = {rows: trained(rows, tmp_path) for rows in (100, 500, 1000)}
    with capsys.disabled():
        for rows, score in scores.items():
            print(f"\n{rows:5} rows: ROUGE-L {score}", end="")
    assert scores[1000].low > scores[100].high
    assert scores[500].value > scores[100].value


def trained(rows: int, folder: Path) -> Interval:
    """Train on the first rows and return ROUGE-L on the last ones of the file, with its interval."""
    from reasonkit import Direct
    from reasonkit.clients.local import LocalClient
    from reasonkit.train.material import material
    from reasonkit.train.run import run
    from reasonkit.train.sharding import World

    output = folder / str(rows)
    changes = [f"data.0.rows={rows}", f"output={output}", "steps=200", "evaluation.rows=80", "evaluation.every=1000"]
    config = load_config(FOLDER / "config.toml", [*changes, "checkpoint.verify=false"])
    run(config, World(), material)
    asked = SHIPPED[-config.evaluation.rows :]
    client = LocalClient(output)
    try:
        results = Direct(client, prompt="summary/default").map([one["dialogue"] for one in asked], concurrency=16)
    finally:
        client.close()
    scores = [rouge_l(result.answer or "", one["summary"]) for result, one in zip(results, asked, strict=True)]
    return bootstrap(scores)
