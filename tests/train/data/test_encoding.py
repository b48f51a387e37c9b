"""From rows to sequences: what is learned, what is cut and counted, what is corrupted."""

from __future__ import annotations

import random
from typing import Any

import pytest

from reasonkit.errors import InputError
from reasonkit.train.config import Objective
from reasonkit.train.data.encoding import Counts, Encoder
from reasonkit.train.data.rows import Chat, Marked, Row, Text, Turn
from reasonkit.train.data.vocabulary import Vocabulary
from reasonkit.train.examples import IGNORE, Example
from tests.train.letters import Letters, ids_of

BOS, EOS, MASK = 1, 2, 3


def encoder(objective: Objective = "causal", max_length: int = 64, **tokenizer: Any) -> Encoder:
    affixes = {"causal": (True, False), "masked": (True, True)}.get(objective, (False, True))
    begins, ends = tokenizer.get("begins", affixes[0]), tokenizer.get("ends", affixes[1])
    return Encoder(Vocabulary(Letters(begins=begins, ends=ends)), objective, max_length)


def encoded(row: Row | Example, **options: Any) -> tuple[list[Example], Counts]:
    counts = Counts()
    return encoder(**options).encode(row, counts, "t"), counts


def marked(*parts: tuple[str, bool]) -> Marked:
    return Marked(parts=parts, where="f, line 1")


def test_only_the_models_words_and_its_end_are_learned() -> None:
    (example,), counts = encoded(marked(("Q", False), ("ab", True), ("see", False), ("c", True)))
    assert example.input_ids == (BOS, *ids_of("Qabseec"), EOS)
    assert example.labels == (IGNORE, IGNORE, *ids_of("ab"), *[IGNORE] * 3, *ids_of("c"), EOS)
    assert (counts.rows, counts.examples, counts.tokens, counts.learned) == (1, 1, 9, 4)


def test_a_text_that_ends_with_what_is_not_learned_gets_no_end() -> None:
    (example,), _ = encoded(marked(("Q", False), ("a", True), ("see", False)))
    assert example.input_ids[-1] == ids_of("e")[0]


def test_a_text_that_begins_with_what_is_learned_has_the_prompts_beginning() -> None:
    (example,), _ = encoded(marked(("ab", True)))
    assert example.input_ids == (BOS, *ids_of("ab"), EOS)
    assert example.labels == (IGNORE, *ids_of("ab"), EOS)


def test_neighbours_that_are_alike_are_tokenised_in_one_piece() -> None:
    asked: list[str] = []

    class Listening(Letters):
        def __call__(self, text: str, add_special_tokens: bool = True) -> Any:
            asked.append(text)
            return super().__call__(text, add_special_tokens)

    whole = Encoder(Vocabulary(Listening()), "causal", 64)
    whole.encode(marked(("pro", False), ("mpt", False), ("", True), ("s", True), ("aid", True)), Counts(), "t")
    assert {"prompt", "said"} <= set(asked)
    assert "pro" not in asked


def test_a_causal_text_is_learned_whole_but_for_its_first_token() -> None:
    (example,), _ = encoded(Text(text="abc", where="f"))
    assert example.labels == (IGNORE, *ids_of("abc"), EOS)
    (example,), _ = encoded(Text(text="abc", where="f"), begins=False)
    assert example.labels == (IGNORE, *ids_of("bc"), EOS)


@pytest.mark.parametrize("objective", ["causal", "masked", "denoising", "span_corruption"])
def test_a_long_text_goes_on_in_the_next_sequence_and_nothing_is_lost(objective: Objective) -> None:
    text = "".join(chr(97 + number % 26) for number in range(200))
    made, counts = encoded(Text(text=text, where="f"), objective=objective, max_length=32)
    ids = [token for one in made for token in one.input_ids if token > 99]
    assert tuple(ids) == ids_of(text)
    assert counts.divided == 1
    assert (counts.cut, counts.lost) == (0, 0)
    dice = random.Random(0)
    drawn = [encoder(objective, 32).drawn(one, dice) for one in made]
    assert max(len(one.input_ids) for one in drawn) <= 32
    assert all(one.learned for one in drawn)


def test_a_cut_is_counted_and_the_end_is_not_learned() -> None:
    (example,), counts = encoded(marked(("q" * 20, False), ("a" * 20, True)), max_length=32)
    assert len(example.input_ids) == 32
    assert EOS not in example.input_ids
    assert example.learned == 11
    assert (counts.cut, counts.cut_tokens, counts.lost) == (1, 10, 0)
    assert "1 rows cut, 10 tokens lost with it" in counts.said("t")


def test_a_row_whose_words_are_all_cut_is_left_out_and_counted_apart_from_one_that_has_none() -> None:
    counts, cutting = Counts(), encoder(max_length=8)
    assert cutting.encode(marked(("q" * 20, False), ("a", True)), counts, "t") == []
    assert cutting.encode(marked(("q", False)), counts, "t") == []
    assert (counts.rows, counts.lost, counts.unlearned) == (2, 1, 1)
    assert "1 rows left out, because the cut left nothing to learn" in counts.said("t")


def test_a_pair_for_an_encoder_decoder_has_both_ends() -> None:
    (example,), _ = encoded(marked(("in", False), ("out", True)), objective="seq2seq")
    assert example.input_ids == (*ids_of("in"), EOS)
    assert example.labels == (*ids_of("out"), EOS)


def test_each_turn_of_a_trace_is_a_pair_for_an_encoder_decoder() -> None:
    made, _ = encoded(marked(("Q", False), ("a", True), ("see", False), ("b", True)), objective="seq2seq")
    assert [(one.input_ids, one.labels) for one in made] == [
        ((*ids_of("Q"), EOS), (*ids_of("a"), EOS)),
        ((*ids_of("Qasee"), EOS), (*ids_of("b"), EOS)),
    ]


def test_a_cut_input_keeps_its_end_and_a_cut_target_does_not() -> None:
    (example,), counts = encoded(marked(("i" * 20, False), ("o" * 10, True)), objective="seq2seq", max_length=8)
    assert example.input_ids == (*ids_of("i" * 7), EOS)
    assert example.labels == ids_of("o" * 8)
    assert (counts.cut, counts.cut_tokens, counts.tokens) == (1, 13 + 3, 16)


def test_span_corruption_adds_the_ends() -> None:
    (example,), _ = encoded(Text(text="abcdefghijklmnopqrst", where="f"), objective="span_corruption")
    drawn = encoder("span_corruption").drawn(example, random.Random(1))
    sentinels = encoder("span_corruption").vocabulary.sentinels
    assert drawn.input_ids[-1] == drawn.labels[-1] == EOS
    assert drawn.labels[0] == sentinels[0]
    assert sentinels[0] in drawn.input_ids


def test_a_masked_text_learns_the_hidden_tokens_and_never_its_ends() -> None:
    (example,), _ = encoded(Text(text="abcdefghijklmnopqrst", where="f"), objective="masked")
    for seed in range(30):
        drawn = encoder("masked").drawn(example, random.Random(seed))
        assert (drawn.input_ids[0], drawn.input_ids[-1]) == (BOS, EOS)
        assert (drawn.labels[0], drawn.labels[-1]) == (IGNORE, IGNORE)
        assert drawn.learned == 3


def test_a_denoised_text_is_the_target() -> None:
    (example,), _ = encoded(Text(text="One two. Three four. Five six.", where="f"), objective="denoising")
    drawn = encoder("denoising").drawn(example, random.Random(3))
    assert drawn.labels == (*ids_of("One two. Three four. Five six."), EOS)
    assert MASK in drawn.input_ids


def test_examples_of_a_generator_are_taken_as_they_are() -> None:
    (example,), _ = encoded(Example((7, 8, 9), (7, 8, 9), "theirs"))
    assert example == Example((7, 8, 9), (IGNORE, 8, 9), "t")
    with pytest.raises(InputError, match="a sequence of 3 tokens has 2 labels"):
        encoded(Example((7, 8, 9), (7, 8), "theirs"))


@pytest.mark.parametrize(
    ("row", "objective", "said"),
    [
        (Text(text="a", where="f, line 4"), "seq2seq", "f, line 4: seq2seq learns a target from an input"),
        (marked(("a", True)), "masked", "f, line 1: masked learns from rows with text alone"),
        (Chat(turns=(), where="f, line 2"), "seq2seq", "f, line 2: seq2seq learns from rows with input and target"),
    ],
)
def test_a_row_that_an_objective_cannot_learn_from_is_refused(row: Row, objective: Objective, said: str) -> None:
    with pytest.raises(InputError) as caught:
        encoded(row, objective=objective)
    assert said in str(caught.value)


def test_a_tokenizer_without_what_the_objective_needs_is_refused() -> None:
    class Bare(Letters):
        mask_token_id = None  # type: ignore[assignment]  # as a tokenizer without one

    with pytest.raises(InputError, match="denoising needs a mask token"):
        Encoder(Vocabulary(Bare()), "denoising", 64)
    with pytest.raises(InputError, match=r"span corruption of 1024 tokens needs 57 sentinels .* has 40"):
        encoder("span_corruption", 1024)


class Templated(Letters):
    """Writes each turn as `<role>content.` and marks the assistant's content and full stop."""

    chat_template: str | None = "{% generation %}{{ content }}{% endgeneration %}"

    def apply_chat_template(self, messages: list[dict[str, str]], **options: Any) -> dict[str, list[int]]:
        assert options["return_assistant_tokens_mask"]
        ids, marks = [], []
        for message in messages:
            head, body = ids_of(f"<{message['role']}>"), ids_of(message["content"] + ".")
            own = message["role"] == "assistant"
            ids += [*head, *body]
            marks += [0] * len(head) + [int(own)] * len(body)
        return {"input_ids": ids, "assistant_masks": marks}


CHAT = Chat(
    turns=(
        Turn(role="user", content="u", learn=False),
        Turn(role="assistant", content="shown", learn=False),
        Turn(role="user", content="v", learn=False),
        Turn(role="assistant", content="said", learn=True),
    ),
    where="f, line 9",
)


def test_of_a_chat_only_the_turns_that_are_the_models_own_are_learned() -> None:
    (example,) = Encoder(Vocabulary(Templated()), "causal", 99).encode(CHAT, Counts(), "t")
    assert [label for label in example.labels if label != IGNORE] == list(ids_of("said."))
    assert example.input_ids[-5:] == ids_of("said.")


@pytest.mark.parametrize(
    ("template", "said"),
    [
        (None, "f, line 9: a chat, but the model has no chat template"),
        ("{{ content }}", "the model's chat template has no {% generation %} marks"),
    ],
)
def test_a_chat_without_template_or_marks_is_refused(template: str | None, said: str) -> None:
    tokenizer = Templated()
    tokenizer.chat_template = template
    with pytest.raises(InputError) as caught:
        Encoder(Vocabulary(tokenizer), "causal", 99).encode(CHAT, Counts(), "t")
    assert said in str(caught.value)


def test_marks_that_do_not_stand_round_each_turn_are_refused() -> None:
    class Once(Templated):
        def apply_chat_template(self, messages: list[dict[str, str]], **options: Any) -> dict[str, list[int]]:
            made = super().apply_chat_template(messages, **options)
            return made | {"assistant_masks": [0] * 30 + made["assistant_masks"][30:]}

    with pytest.raises(InputError, match="marks 1 generations, but the chat has 2 turns of the assistant"):
        Encoder(Vocabulary(Once()), "causal", 99).encode(CHAT, Counts(), "t")


def test_a_tokenizer_that_spaces_beginnings_does_not_space_what_goes_on() -> None:
    class Spacing(Letters):
        def __call__(self, text: str, add_special_tokens: bool = True) -> Any:
            return super().__call__("_" + text, add_special_tokens)

        def name(self, number: int) -> str:
            return super().name(number).replace("_", "\u2581")

    vocabulary = Vocabulary(Spacing())
    assert vocabulary.bare("ab") == list(ids_of("_ab"))
    assert vocabulary.continuation("ab") == list(ids_of("ab"))
