"""Merging an adapter into its base, with the difference that it makes to the logits: measured on what was saved.

W + (alpha / rank) B A is the same function on paper; in floating point, and once rounded to the type in which it is
stored, it is not. Both models compute the same text: the base with the adapter beside it, and the merged one as it is
read back from the disk.

Source: Hu et al., "LoRA", https://arxiv.org/abs/2106.09685, section 4.1 (no additional latency when merged)
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from reasonkit.clients.card import CARD_FILE
from reasonkit.clients.local.extra import peft_quietly, require_packages
from reasonkit.clients.local.manifest import TOKENIZER_FILES, Base
from reasonkit.errors import InputError, ModelNotFound
from reasonkit.train.adapters.registry import read_entry

MERGE_FILE = "reasonkit-merge.json"
"""Beside the merged weights: what they were made of, and what the merge changed."""
DType = Literal["stored", "float32", "bfloat16", "float16"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """A merged model, and how it differs from the base with the adapter beside it."""

    adapter: str
    base: str
    base_sha256: str | None
    dtype: str
    """In which the merged weights are stored."""
    tokens: int
    """That were compared."""
    spread: float
    """The logits' standard deviation: what a difference is to be measured by."""
    max_abs: float
    """The greatest difference of a logit."""
    mean_abs: float
    greedy_same: int
    """Tokens after which both would write the same next."""
    closest: float | None
    """Where they would not: the lead, in logits, of the best token over the second, at most; None if all are the same."""

    def lines(self) -> list[str]:
        """Return a report in words."""
        agreed = f"greedy tokens the same after {self.greedy_same} of {self.tokens}"
        if self.closest is not None:
            agreed += f"; where not, the best two were {self.closest:.2g} apart at most"
        differ = f"logits differ by {self.max_abs:.3g} at most, {self.mean_abs:.3g} on average"
        return [
            f"{self.adapter} merged into {self.base}, stored as {self.dtype}",
            f"{differ}; their spread is {self.spread:.3g}, over {self.tokens} tokens",
            agreed,
        ]


def merge(
    adapter: Path, out: Path, *, model: Path | None = None, texts: Sequence[str] = (), dtype: DType = "stored"
) -> Merge:
    """Merge an adapter into its base, save it, read it back, and measure what changed.

    Args:
        adapter: the adapter's folder.
        out: the folder of the merged model; it must not hold one yet.
        model: the base's folder; None takes the manifest's.
        texts: what both models compute; the model's own greedy text where there are none.
        dtype: of the stored weights; `stored` is the base's own.

    Raises:
        InputError: the base is another than the adapter was trained on, or a folder cannot be used.
        MissingExtra: the extra `train` is not installed.
    """
    require_packages("merging an adapter", "train", "torch", "transformers", "peft")
    import torch
    import transformers

    from reasonkit.clients.local.load import without_bars

    entry = read_entry(adapter)
    base = _base_of(entry.manifest.base if entry.manifest else entry.config.base_model_name_or_path, model)
    known = Base(weights=base, tokenizer=base)
    if entry.manifest is not None:
        known.check(entry.name, entry.manifest)
    if (out / "config.json").exists():
        raise InputError(f"{str(out)!r} holds a model already; give another folder")
    stored = getattr(_config(base), "dtype", None) or torch.float32
    kept = stored if dtype == "stored" else getattr(torch, dtype)
    tokenizer = transformers.AutoTokenizer.from_pretrained(base, local_files_only=True)
    plain = _network(base)
    with peft_quietly("merging an adapter") as peft:
        beside = peft.PeftModel.from_pretrained(plain, adapter).eval()
    rows = [tokenizer(text, return_tensors="pt").input_ids for text in texts] or [_greedy(beside, tokenizer)]
    before = [_logits(beside, ids) for ids in rows]
    merged = beside.merge_and_unload().to(kept)
    out.mkdir(parents=True, exist_ok=True)
    with without_bars():
        merged.save_pretrained(out)
    for name in (CARD_FILE, *TOKENIZER_FILES):
        if (base / name).is_file():
            shutil.copyfile(base / name, out / name)
    again = _network(out)
    report = _compared(before, [_logits(again, ids) for ids in rows], entry.name, base, known.weights_sha256, str(kept))
    written = json.dumps({**asdict(report), "manifest": entry.described()["manifest"]}, indent=2)
    (out / MERGE_FILE).write_text(written + "\n", encoding="utf-8")
    return report


def _base_of(named: str | None, model: Path | None) -> Path:
    folder = model or Path(named or "").expanduser()
    if not (folder / "config.json").is_file():
        told = "there is no model" if model else f"the adapter's base is {named!r}, and there is no such model"
        raise ModelNotFound(f"{told} in {str(folder)!r}; give --model FOLDER")
    return folder


def _config(folder: Path) -> Any:
    import transformers

    return transformers.AutoConfig.from_pretrained(folder, local_files_only=True)


def _network(folder: Path) -> Any:
    """Return a model in float32, in which both sides compute."""
    import torch

    from reasonkit.clients.local.load import load

    return load(folder, device="cpu", dtype="float32").model.to(torch.float32).eval()


def _greedy(model: Any, tokenizer: Any) -> Any:
    """Return up to 200 tokens that the model writes when it is left alone."""
    import torch

    first = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id or 0
    ids = torch.tensor([[first]])
    most = min(200, getattr(model.config, "max_position_embeddings", 200) - 1)
    with torch.inference_mode():
        return model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False, min_new_tokens=most,
            max_new_tokens=most, pad_token_id=first,
        )  # fmt: skip


def _logits(model: Any, ids: Any) -> Any:
    """Return the logits after each token, (time, vocabulary); an encoder-decoder reads the text and writes it."""
    import torch

    with torch.inference_mode():
        if model.config.is_encoder_decoder:
            return model(input_ids=ids, labels=ids).logits[0].float()
        return model(input_ids=ids).logits[0].float()


def _compared(before: list[Any], after: list[Any], name: str, base: Path, sha256: str | None, dtype: str) -> Merge:
    import torch

    one, other = torch.cat(before), torch.cat(after)  # (time, vocabulary)
    gap = (one - other).abs()
    same = one.argmax(-1) == other.argmax(-1)
    best = one.topk(2).values
    lead = (best[:, 0] - best[:, 1])[~same]
    return Merge(
        adapter=name,
        base=str(base),
        base_sha256=sha256,
        dtype=dtype.removeprefix("torch."),
        tokens=len(one),
        spread=float(one.std()),
        max_abs=float(gap.max()),
        mean_abs=float(gap.mean()),
        greedy_same=int(same.sum()),
        closest=float(lead.max()) if len(lead) else None,
    )
