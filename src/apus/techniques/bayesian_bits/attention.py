"""torch's MultiheadAttention taken apart into layers, each of which can have a width of its own."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class OpenAttention(nn.Module):
    """The same function as the attention it is made of, its four matrices in Linear layers q, k, v and out.

    Args:
        whole: without bias_k, bias_v and add_zero_attn.

    Attributes:
        in_proj_bias: None, which is how torch's TransformerEncoderLayer knows not to read weights past `forward`.
    """

    in_proj_bias = None

    def __init__(self, whole: nn.MultiheadAttention) -> None:
        super().__init__()
        self.heads, self.dropout, self.batch_first = whole.num_heads, whole.dropout, whole.batch_first
        apart = (whole.q_proj_weight, whole.k_proj_weight, whole.v_proj_weight)
        weights = apart if whole.in_proj_weight is None else whole.in_proj_weight.chunk(3)
        biases = (None, None, None) if whole.in_proj_bias is None else whole.in_proj_bias.chunk(3)
        self.q, self.k, self.v = (linear(w, b) for w, b in zip(weights, biases, strict=True))
        self.out = linear(whole.out_proj.weight, whole.out_proj.bias)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """As `nn.MultiheadAttention.forward`, with its shapes and masks; `is_causal` only hints at `attn_mask`."""
        alone, across = query.ndim == 2, not self.batch_first and query.ndim == 3
        q, k, v = (layer(x) for layer, x in ((self.q, query), (self.k, key), (self.v, value)))
        q, k, v = (self._split(x[None] if alone else x.transpose(0, 1) if across else x) for x in (q, k, v))
        mask = _joined(attn_mask, key_padding_mask, q, k)
        dropout = self.dropout if self.training else 0.0
        if need_weights:
            scores = q @ k.mT / math.sqrt(q.shape[-1])
            weights = torch.softmax(scores if mask is None else scores + mask, -1)
            found = F.dropout(weights, dropout) @ v
            weights = weights.mean(1) if average_attn_weights else weights
        else:
            found, weights = F.scaled_dot_product_attention(q, k, v, mask, dropout), None
        y = self.out(found.transpose(1, 2).flatten(2))
        y = y[0] if alone else y.transpose(0, 1) if across else y
        return y, weights[0] if alone and weights is not None else weights

    def _split(self, x: Tensor) -> Tensor:
        """(B, T, E) → (B, heads, T, E / heads)."""
        return x.reshape(*x.shape[:2], self.heads, -1).transpose(1, 2)


def linear(weight: Tensor, bias: Tensor | None) -> nn.Linear:
    """A layer that holds a copy of these.

    Args:
        weight: (outputs, inputs).
        bias: (outputs,) or None.

    Returns:
        The layer.
    """
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias is not None, device=weight.device, dtype=weight.dtype)
    with torch.no_grad():
        layer.weight.copy_(weight)
        if bias is not None:
            layer.bias.copy_(bias)
    return layer


def _joined(attn_mask: Tensor | None, padding: Tensor | None, q: Tensor, k: Tensor) -> Tensor | None:
    """Both masks as numbers to add to the scores (B, heads, T, S)."""
    parts = []
    if attn_mask is not None:
        attn_mask = _additive(attn_mask, q)
        parts.append(attn_mask if attn_mask.ndim == 2 else attn_mask.reshape(*q.shape[:3], k.shape[2]))
    if padding is not None:
        parts.append(_additive(padding, q).reshape(-1, 1, 1, k.shape[2]))
    return sum(parts[1:], parts[0]) if parts else None


def _additive(mask: Tensor, like: Tensor) -> Tensor:
    if mask.dtype != torch.bool:
        return mask
    return torch.zeros(mask.shape, dtype=like.dtype, device=like.device).masked_fill(mask, -math.inf)


def opened(whole: nn.MultiheadAttention) -> nn.Module:
    """Take an attention apart; one with further keys and values of its own stays, and its matrices float.

    Args:
        whole: is not changed.

    Returns:
        What takes its place.
    """
    closed = whole.bias_k is not None or whole.bias_v is not None or whole.add_zero_attn
    return whole if closed else OpenAttention(whole).train(whole.training)
