"""A model in other formats: what they take is what their papers say, what they lose is ordered, what fails says why."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from reasonkit.clients.local import LocalClient
from reasonkit.clients.local.load import load
from reasonkit.clients.protocol import Client
from reasonkit.errors import InputError, Unsupported
from reasonkit.train.quantize.convert import convert, held_bytes, matrices, weight_error
from reasonkit.train.quantize.formats import FORMATS, formats_of
from reasonkit.train.quantize.measure import ratio
from reasonkit.train.quantize.run import Report, Row, quantize, save
from reasonkit.train.quantize.saving import save_model
from reasonkit.types import Reply, Request, Sampling
from tests.clients.tiny_models import Shape, write_gguf, write_transformers

TEXT = "Question: which river flows through the town?\n\nthe painter was born in the town, and the river too.\n"
SQUARE = Shape(hidden=128, intermediate=128, kv_heads=4)
"""Each matrix has 16,384 numbers: a whole block of scales of NF4's double quantisation."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_transformers(tmp_path_factory.mktemp("model") / "tiny", SQUARE)


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text(TEXT)
    return path


def converted(model: Path, name: str) -> tuple[float, float, int]:
    """Return bits a weight, the weights' error, and the bytes of all."""
    loaded = load(model, device="cpu", dtype="float32").model
    reference = {path: one.weight.detach().clone() for path, one in matrices(loaded).items()}
    bits = convert(loaded, FORMATS[name])
    return bits, weight_error(loaded, reference), held_bytes(loaded)


@pytest.mark.parametrize(
    ("name", "bits", "exact"),
    [
        ("fp32", 32, 0), ("fp16", 16, 0), ("bf16", 16, 0),
        ("nf4", 4 + 32 / 64, 0), ("fp4", 4 + 32 / 64, 0), ("nf4-dq", 4 + 8 / 64 + 32 / (64 * 256), 0),
        ("int8", 8 + 32 / 128, 0), ("int8-tensor", 8 + 32 / 16384, 0),
        ("q8_0", 8 + 16 / 32, 0), ("q5_0", 5 + 16 / 32, 0), ("q4_0", 4 + 16 / 32, 0),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_weight_takes_the_bits_that_its_format_says(model: Path, name: str, bits: float, exact: float) -> None:
    if FORMATS[name].package is not None:
        pytest.importorskip(str(FORMATS[name].package))
    assert converted(model, name)[0] == pytest.approx(bits, abs=exact)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_fewer_bits_lose_more_and_hold_less(model: Path) -> None:
    pytest.importorskip("bitsandbytes")
    found = {name: converted(model, name) for name in ("fp32", "bf16", "int8", "nf4", "nf4-dq")}
    errors = [error for _, error, _ in found.values()]
    sizes = [size for *_, size in found.values()]
    assert errors[0] == 0
    assert 0.001 < errors[1] < 0.004 < errors[2] < 0.02
    assert 0.05 < errors[3] <= errors[4] * 1.001 < 0.15
    assert sizes[0] == 2 * sizes[1]
    assert sizes[0] > sizes[2] > sizes[3]


def test_textbook_int8_is_off_by_half_a_step_at_most(model: Path) -> None:
    loaded = load(model, device="cpu", dtype="float32").model
    before = {path: one.weight.detach().clone() for path, one in matrices(loaded).items()}
    convert(loaded, FORMATS["int8-tensor"])
    for path, weight in before.items():
        off = (loaded.get_submodule(path).weight - weight).abs().max()
        assert off <= weight.abs().max() / 127 / 2 * (1 + 1e-4)


@pytest.fixture(scope="module")
def report(model: Path, text: Path) -> Report:
    names = "fp16,bf16,int8-tensor,q4_0" if _has("gguf") else "fp16,bf16,int8-tensor"
    return quantize(model, formats_of(names), text=text, rounds=2, threads=torch.get_num_threads())


def _has(package: str) -> bool:
    import importlib.util

    return importlib.util.find_spec(package) is not None


def test_the_whole_model_is_no_distance_from_itself_and_the_others_are_ordered(report: Report) -> None:
    rows = {row.format: row for row in report.rows}
    assert next(iter(rows)) == "fp32"
    whole = rows["fp32"].quality
    assert whole is not None
    assert (whole.kl.value, whole.same_greedy, whole.loss_difference.value) == (0.0, 1.0, 0.0)
    divergences = [row.quality.kl.value for row in report.rows if row.quality is not None]
    assert divergences == sorted(divergences)
    assert report.documents == 2
    assert report.tokens > 10


def test_rounded_formats_have_no_speed_and_computed_ones_have_a_spread(report: Report) -> None:
    for row in report.rows:
        assert (row.reads is not None) == FORMATS[row.format].computed
        if row.reads is not None:
            assert 0 < row.reads.low <= row.reads.median <= row.reads.high


def test_a_report_has_a_row_for_each_format_and_a_reason_where_there_are_no_figures(
    report: Report, tmp_path: Path
) -> None:
    refused = Row(format="torchao-int4", what="", reason="ImportError: Requires mslk")
    whole = Report(**{field: getattr(report, field) for field in Report.__slots__} | {"rows": (*report.rows, refused)})
    table = whole.table()
    assert table.count("\n| ") == len(whole.rows) + 1
    assert "torchao-int4 does not run here: ImportError: Requires mslk" in table
    save(whole, tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"report.json", "report.md", "formats.svg"}


def test_a_format_whose_package_is_missing_names_the_pip_line_in_its_row(
    model: Path, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torchao" else find(name))
    found = quantize(model, formats_of("torchao-int8"), text=text, rounds=1)
    assert found.rows[1].reason == "torchao-int8 (torchao) needs an optional package: pip install 'reasonkit[torchao]'"


def test_unknown_formats_empty_texts_and_encoder_decoders_are_bad_input(model: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no format 'int9'; there are: fp32, fp16"):
        formats_of("fp16,int9")
    empty = tmp_path / "empty.txt"
    empty.write_text(" \n\n \n")
    with pytest.raises(InputError, match="holds no text"):
        quantize(model, formats_of("fp16"), text=empty)
    import transformers

    small = transformers.T5Config(vocab_size=300, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
    old = transformers.GPT2Config(vocab_size=300, n_embd=16, n_layer=1, n_head=2, n_positions=64)
    for network, said in (
        (transformers.T5ForConditionalGeneration(small), "encoder-decoder"),
        (transformers.GPT2LMHeadModel(old), "Conv1D is none"),
    ):
        folder = tmp_path / network.config.model_type
        network.save_pretrained(folder)
        for name in ("tokenizer.json", "tokenizer_config.json"):
            (folder / name).write_bytes((model / name).read_bytes())
        with pytest.raises(Unsupported, match=said):
            quantize(folder, formats_of("fp16"), text=Path(__file__))


def test_a_ratios_interval_holds_it_and_is_a_point_where_nothing_varies() -> None:
    found = ratio([2.0, 4.0, 6.0], [1, 2, 3])
    assert (found.value, found.low, found.high, found.n) == (2.0, 2.0, 2.0, 3)
    found = ratio([0.0, 4.0, 6.0], [1, 1, 1])
    assert found.low < found.value < found.high


def asked(client: Client) -> str:
    *_, reply = client.stream(Request(prompt="Question: which river?\nThought 1:", sampling=Sampling(max_tokens=8)))
    client.close()
    assert isinstance(reply, Reply)
    return reply.completions[0].text


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.parametrize("name", ["bf16", "int8", "nf4-dq"])
def test_a_saved_model_is_loaded_by_the_client_and_is_smaller(model: Path, tmp_path: Path, name: str) -> None:
    if FORMATS[name].package is not None:
        pytest.importorskip(str(FORMATS[name].package))
        pytest.importorskip("accelerate")
    saved = Path(save_model(model, FORMATS[name], tmp_path))
    size = (saved / "model.safetensors").stat().st_size
    assert size < (model / "model.safetensors").stat().st_size
    assert asked(LocalClient(saved))
    with pytest.raises(InputError, match="holds something already"):
        save_model(model, FORMATS[name], tmp_path)


def test_a_gguf_file_in_fewer_bits_keeps_all_but_its_matrices_and_llama_cpp_reads_it(tmp_path: Path) -> None:
    gguf = pytest.importorskip("gguf")
    pytest.importorskip("xllamacpp")
    from reasonkit.clients.gguf import GGUFClient

    model = write_transformers(tmp_path / "model", SQUARE)
    assert save_model(model, FORMATS["q8_0"], tmp_path).startswith("not written: it is made from a GGUF file")
    write_gguf(model / "tiny.gguf", SQUARE)
    saved = next(Path(save_model(model, FORMATS["q8_0"], tmp_path)).glob("*.gguf"))
    before, after = gguf.GGUFReader(model / "tiny.gguf"), gguf.GGUFReader(saved)
    told = [{name: field.contents() for name, field in one.fields.items()} for one in (before, after)]
    assert {name for name in told[0] if told[1].get(name) != told[0][name]} <= {"general.file_type", "GGUF.kv_count"}
    kinds = {tensor.name: tensor.tensor_type.name for tensor in after.tensors}
    assert kinds["blk.0.attn_q.weight"] == kinds["blk.1.ffn_down.weight"] == kinds["blk.0.attn_output.weight"] == "Q8_0"
    kept = {tensor.name: tensor.tensor_type.name for tensor in before.tensors}
    assert all(kinds[name] == kept[name] for name in kept if "norm" in name or name == "token_embd.weight")
    assert asked(GGUFClient(saved))


def test_a_format_that_no_program_reads_is_not_written_and_says_so(model: Path, tmp_path: Path) -> None:
    for name in ("int8-tensor", "torchao-int8"):
        assert save_model(model, FORMATS[name], tmp_path) == "not written: no program reads a file of this format"
    assert not list(tmp_path.iterdir())
