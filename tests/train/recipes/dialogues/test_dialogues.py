"""The dialogues that ship: made by their script, in good English, held out by a hash, and what fine-tuning does."""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

import reasonkit.train.recipes.dialogues as recipe
from reasonkit import Prompt
from reasonkit.errors import DatasetError
from reasonkit.evaluation.intervals import Interval, bootstrap
from reasonkit.train.batches import Batches
from reasonkit.train.config import load_config
from reasonkit.train.recipes.dialogues.__main__ import main
from reasonkit.train.recipes.dialogues.make import (
    HELD_OUT,
    LONGEST,
    ROWS,
    SHORTEST,
    forms,
    held_words,
    pair,
    row,
    words_of,
)
from reasonkit.train.rouge import rouge_l
from tests.train.letters import Letters

FOLDER = Path(str(recipe.__file__)).parent
FILE = FOLDER / "dialogues.jsonl"
SHIPPED = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]
MATERIAL = tomllib.loads((FOLDER / "scenes.toml").read_text(encoding="utf-8"))
NOUNS = {
    kind: [(noun, number) for number, known in numbers.items() for noun in known]
    for kind, numbers in MATERIAL["nouns"].items()
}
TEXTS = [f"{one['dialogue']}\n{one['summary']}" for one in SHIPPED]


def test_the_file_that_ships_is_what_its_script_makes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 0
    assert capsys.readouterr().out == FILE.read_text(encoding="utf-8")
    assert FILE.stat().st_size < 700_000


def test_at_least_a_thousand_rows_are_to_train_on_and_the_last_ones_are_held_out() -> None:
    splits = [one["split"] for one in SHIPPED]
    assert splits == ["train"] * ROWS + ["held_out"] * HELD_OUT
    assert ROWS >= 1000
    assert HELD_OUT >= 150
    assert len({one["dialogue"] for one in SHIPPED}) == len({one["summary"] for one in SHIPPED}) == len(SHIPPED)


def test_a_scene_and_the_word_it_is_about_are_together_on_one_side_only() -> None:
    """Read from the texts: a held-out word of a scene stands in no summary of that scene that is trained on."""
    marks = {
        "selling": r"(sells|will buy) .* euros",
        "homework": r"help \w+ with|trouble with",
        "pet": "named it|called",
    }
    for name, mark in marks.items():
        told: dict[str, set[str]] = {"train": set(), "held_out": set()}
        for one in SHIPPED:
            if re.search(mark, one["summary"]):
                told[one["split"]] |= {word for word in words_of(name) if re.search(rf"\b{word}\b", one["summary"])}
        assert told["held_out"] == held_words(name)
        assert told["train"] == set(words_of(name)) - held_words(name)
    for scene in MATERIAL["scene"]:
        assert 0.05 < len(held_words(scene["name"])) / len(words_of(scene["name"])) <= 0.125, scene["name"]


def test_every_noun_carries_its_number_and_the_article_that_its_sound_asks_for() -> None:
    for noun, number in (noun for known in NOUNS.values() for noun in known):
        first, _, rest = noun.partition(" ")
        if number == "one":
            sounds = rest[0].lower() in "aeiou" and not rest.startswith(("uni", "eu"))
            assert first == ("an" if sounds else "a"), noun
            assert not rest.endswith("s") or rest == "atlas", noun
        else:
            assert first not in ("a", "an", "the", "some"), noun
            assert noun.endswith("s") == (number == "many"), noun
    assert forms("gloves", "many")["any"] == "gloves"
    assert [forms(*one)["_they"] for one in (("an umbrella", "one"), ("rice", "mass"))] == ["it", "it"]
    assert forms("gloves", "many")["_is"] == "are"


def test_a_scene_leaves_agreement_to_the_slots_of_a_noun_that_may_be_plural() -> None:
    """No "it" or "is" is written out where the noun that is drawn may be "keys"."""
    mixed = {kind for kind, numbers in MATERIAL["nouns"].items() if "many" in numbers}
    for scene in MATERIAL["scene"]:
        texts = [text for wordings in scene["turns"] for text in wordings] + scene["summary"]
        drawn = {slot for text in texts for slot in re.findall(r"\{(\w+)\}", text)}
        assert any(scene["key"] in slot for slot in drawn)
        if {kind for kind in mixed for slot in drawn if kind in re.split(r"_|2", slot)}:
            # with a capital it is another word, as in "It is Anna's birthday"
            assert not [text for text in texts if re.search(r"\b(it|them|they|its)\b", bare(text))], scene
            kinds = "|".join(mixed)
            for text in texts:
                assert not re.search(rf"\{{(the_|any_|a_)?({kinds})2?\}} (is|are|was|were|has|have|do|does)\b", text)


def bare(text: str) -> str:
    """Return a wording without its slots."""
    return re.sub(r"\{\w+\}", "", text)


def test_articles_verbs_and_pronouns_agree_in_every_row_that_ships() -> None:
    plural = "|".join({noun for known in NOUNS.values() for noun, number in known if number == "many"})
    single = "|".join({forms(*noun)[""] for known in NOUNS.values() for noun in known if noun[1] != "many"})
    wrong = [
        r"\b[Aa] [aeiouAEIOU](?!ni)", r"\ban [^aeiouAEIOU\W]", r"[{}]", r" {2}", r"\b(\w+) \1\b", r"[.!?,] ?[.,]",
        rf"\b(?:my|your|the|his|her|'s) (?:{plural}) (?:is|was|has|does)\b", rf"\ban? (?:{plural})\b",
        rf"\b(?:is|was|does) (?:my|your|the) (?:{plural})\b",
        rf"\b(?:my|your|the|his|her|'s) (?:{single}) (?:are|were|have|do)\b",
        rf"\b(?:are|were|do) (?:my|your|the) (?:{single})\b",
    ]  # fmt: skip
    for pattern in wrong:
        found = [text for text in TEXTS if re.search(pattern, text, re.IGNORECASE if "my" in pattern else 0)]
        assert not found, (pattern, found[0])
    for text in TEXTS:
        assert all(re.match(r"[A-Z]\w*: [A-Z]", line) for line in text.splitlines()[:-1]), text
        assert not re.search(r"[.!?] [a-z]", text), text
        assert all(line[-1] in ".!?" for line in text.splitlines()), text


def test_two_to_four_people_talk_in_four_to_ten_turns_and_none_speaks_twice_in_a_row() -> None:
    speakers, turns = Counter[int](), Counter[int]()
    for one in SHIPPED:
        names = [line.partition(":")[0] for line in one["dialogue"].splitlines()]
        speakers[len(set(names))] += 1
        turns[len(names)] += 1
        assert all(first != second for first, second in pairwise(names)), one
    assert set(speakers) == {2, 3, 4}
    assert min(speakers.values()) > 0.1 * len(SHIPPED)
    assert (min(turns), max(turns)) == (SHORTEST, LONGEST)


def test_a_summary_is_one_or_two_sentences_that_name_only_what_the_dialogue_names() -> None:
    for one in SHIPPED:
        told = one["dialogue"].lower()
        sentences = re.findall(r"[A-Z][^.]*\.", one["summary"])
        assert 1 <= len(sentences) <= 2, one
        capitals = {word.strip(".,").removesuffix("'s") for word in one["summary"].split() if word[:1].isupper()}
        assert all(word.lower() in told for word in capitals - {"The", "There", "They", "She", "He", "On", "It"}), one
        speakers = {line.partition(":")[0] for line in one["dialogue"].splitlines()}
        assert speakers & capitals or one["summary"].startswith("The friends "), one


def test_no_scene_is_rare() -> None:
    """Each scene's first words, in training and held out together; a person's name counts as one word."""
    people = "|".join((*MATERIAL["people"]["she"], *MATERIAL["people"]["he"]))
    shapes = Counter(re.sub(rf"\b({people})\b", "N", one["summary"])[:14] for one in SHIPPED)
    assert len(shapes) >= 24
    assert max(shapes.values()) < 0.15 * len(SHIPPED)


def test_a_generator_makes_training_rows_without_end() -> None:
    made = row(3, 5)
    assert pair(3, 5) == {"input": made["dialogue"], "target": made["summary"]}
    assert pair(3, 5) != pair(3, 6) != pair(4, 6)


def test_the_configuration_reads_them_with_their_prompt() -> None:
    config = load_config(FOLDER / "config.toml", ["data.0.rows=500", "batch.max_length=512"])
    assert config.evaluation.rows == HELD_OUT
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
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    scores = {rows: trained(rows, tmp_path) for rows in (100, 500, 1000)}
    torch.set_num_threads(before)
    with capsys.disabled():
        for rows, score in scores.items():
            print(f"\n{rows:5} rows: ROUGE-L {score}", end="")
    assert scores[1000].low > scores[100].high
    assert scores[500].value > scores[100].value


def trained(rows: int, folder: Path) -> Interval:
    """Train on the first rows and return ROUGE-L on the last of those held out, with its interval."""
    from reasonkit import Direct
    from reasonkit.clients.local import LocalClient
    from reasonkit.train.material import material
    from reasonkit.train.run import run
    from reasonkit.train.sharding import World

    output = folder / str(rows)
    changes = [f"data.0.rows={rows}", f"output={output}", "steps=150", "evaluation.rows=80", "evaluation.every=1000"]
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
