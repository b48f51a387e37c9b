"""The Llama shape as one small module that trains fast on a CPU core.

For: training the bundled model. The parameter names are those of transformers' ``LlamaForCausalLM``, so a
state dict moves over as it is; a test holds the two to the same logits. Weights stay in float32, arithmetic runs
in bfloat16 where ``bfloat16=True``. Not for: generation (llama.cpp and transformers do that) or any other shape.

Source: Touvron et al. 2023 (arXiv:2302.13971), section 2.2; Su et al. 2021 (arXiv:2104.09864) for rotary positions.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

PLAIN_LENGTH = 640
"""Up to this length attention is written out: its backward pass is twice as fast on a CPU core as the fused one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The sizes of the network."""

    vocabulary: int = 2048
    width: int = 256
    layers: int = 4
    heads: int = 4
    inner: int = 640
    context: int = 1024
    rope_theta: float = 10000.0
    epsilon: float = 1e-6


def rotary(length: int, head: int, theta: float) -> tuple[Tensor, Tensor]:
    """Return the cosines and sines of the rotary positions, each (length, head), float32."""
    frequency = theta ** (-torch.arange(0, head, 2, dtype=torch.float32) / head)
    angle = torch.outer(torch.arange(length, dtype=torch.float32), frequency)
    angle = torch.cat((angle, angle), dim=-1)
    return angle.cos(), angle.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn each head's pairs by their position; x is (batch, heads, time, head)."""
    half = x.shape[-1] // 2
    turned = torch.cat((-x[..., half:], x[..., :half]), dim=-1)
    return x * cos + turned * sin


class Norm(nn.Module):
    """Root mean square norm with a learned scale."""

    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        """Return x (..., width) scaled to unit mean square."""
        return functional.rms_norm(x, (x.shape[-1],), self.weight.to(x.dtype), self.epsilon)


class Linear(nn.Module):
    """A matrix without bias that is cast to the arithmetic's dtype at use."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs))

    def forward(self, x: Tensor) -> Tensor:
        """Return x (..., inputs) times the matrix: (..., outputs)."""
        return functional.linear(x, self.weight.to(x.dtype))


class Attention(nn.Module):
    """Causal self-attention with rotary positions."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.q_proj = Linear(shape.width, shape.width)
        self.k_proj = Linear(shape.width, shape.width)
        self.v_proj = Linear(shape.width, shape.width)
        self.o_proj = Linear(shape.width, shape.width)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, future: Tensor) -> Tensor:
        """Return what each position of x (batch, time, width) reads from those before it."""
        batch, time, width = x.shape
        split = (batch, time, self.heads, width // self.heads)
        q = rotate(self.q_proj(x).view(split).transpose(1, 2), cos, sin)
        k = rotate(self.k_proj(x).view(split).transpose(1, 2), cos, sin)
        v = self.v_proj(x).view(split).transpose(1, 2)
        if time > PLAIN_LENGTH:
            read = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            scores = q.contiguous() @ (k * k.shape[-1] ** -0.5).transpose(-1, -2) + future  # (B, H, T, T)
            read = scores.softmax(-1) @ v.contiguous()
        out: Tensor = self.o_proj(read.transpose(1, 2).reshape(batch, time, width))
        return out


class Gated(nn.Module):
    """The gated feed-forward part (SwiGLU)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate_proj = Linear(shape.width, shape.inner)
        self.up_proj = Linear(shape.width, shape.inner)
        self.down_proj = Linear(shape.inner, shape.width)

    def forward(self, x: Tensor) -> Tensor:
        """Return the part's output for x (batch, time, width)."""
        out: Tensor = self.down_proj(functional.silu(self.gate_proj(x)) * self.up_proj(x))
        return out


class Layer(nn.Module):
    """One block: attention, then the gated part, each on a normed residual stream."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.self_attn = Attention(shape)
        self.mlp = Gated(shape)
        self.input_layernorm = Norm(shape.width, shape.epsilon)
        self.post_attention_layernorm = Norm(shape.width, shape.epsilon)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, future: Tensor) -> Tensor:
        """Return the residual stream (batch, time, width) after this block."""
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, future)
        out: Tensor = x + self.mlp(self.post_attention_layernorm(x))
        return out


class Body(nn.Module):
    """Embedding, blocks and the last norm."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(shape.vocabulary, shape.width)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = Norm(shape.width, shape.epsilon)


class Network(nn.Module):
    """The whole network; the head is the embedding's own matrix."""

    def __init__(self, shape: Shape, *, bfloat16: bool = True) -> None:
        super().__init__()
        self.shape = shape
        self.dtype = torch.bfloat16 if bfloat16 else torch.float32
        self.model = Body(shape)
        cos, sin = rotary(shape.context, shape.width // shape.heads, shape.rope_theta)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def initialise(self, seed: int) -> None:
        """Draw the weights from a seed: normal, with the blocks' outputs scaled down by depth."""
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                if parameter.dim() < 2:
                    continue
                deviation = 0.04
                if name.endswith(("o_proj.weight", "down_proj.weight")):
                    deviation /= (2 * self.shape.layers) ** 0.5
                parameter.normal_(0.0, deviation, generator=generator)

    def forward(self, tokens: Tensor, keep: Tensor | None = None) -> Tensor:
        """Return float32 logits for tokens (batch, time): (batch, time, vocabulary), or (kept, vocabulary) where
        ``keep``, a boolean (batch, time), names the positions that are wanted.
        """
        time = tokens.shape[1]
        embedding = self.model.embed_tokens.weight
        x = functional.embedding(tokens, embedding).to(self.dtype)
        cos = self.get_buffer("cos")[:time].to(self.dtype)
        sin = self.get_buffer("sin")[:time].to(self.dtype)
        future = torch.full((time, time), -1e9, dtype=self.dtype).triu(1)
        for layer in self.model.layers:
            x = layer(x, cos, sin, future)
        x = self.model.norm(x)
        if keep is not None:
            x = x[keep]
        return functional.linear(x, embedding.to(self.dtype)).float()
