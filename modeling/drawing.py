"""Drawing a token from a model's distribution: temperature, top-p, and one uniform number per token."""

import torch
from torch import Tensor

_WIDTHS = (16, 128)
"""How many of the likeliest tokens to look at before the whole vocabulary is sorted, on a CPU."""


def draw_tokens(logits: Tensor, temperature: Tensor, top_p: Tensor, uniform: Tensor) -> Tensor:
    """One token per row by inverting the cumulative distribution at a uniform number.

    logits: (rows, vocabulary); temperature, top_p, uniform (in [0, 1)): (rows,), on the CPU, so that choosing how to
    draw doesn't wait for the device. Returns (rows,) token ids on the device of the logits.

    At temperature 0 the likeliest token is taken. At top_p 1 the distribution is laid out in the order of the
    vocabulary, which needs no sorting. Below 1 it is that of the nucleus, the smallest set of likeliest tokens whose
    probability reaches top_p (Holtzman et al. 2020, section 3.1), laid out from the likeliest on.
    """
    greedy, whole = temperature == 0, top_p == 1
    tokens = logits.argmax(dim=-1) if bool(greedy.any()) else logits.new_empty(len(logits), dtype=torch.long)
    for chosen, draw in ((whole & ~greedy, _draw_from_all), (~whole & ~greedy, _draw_from_nucleus)):
        if not bool(chosen.any()):
            continue
        if bool(chosen.all()):  # of what is all of it nothing is copied
            scale, reach, height = (
                values.to(logits.device, non_blocking=True).unsqueeze(1) for values in (temperature, top_p, uniform)
            )
            return draw(_probabilities(logits, scale), reach, height)
        rows = chosen.nonzero().squeeze(1)
        scale, reach, height = (
            values[rows].to(logits.device, non_blocking=True).unsqueeze(1) for values in (temperature, top_p, uniform)
        )
        rows = rows.to(logits.device, non_blocking=True)
        tokens[rows] = draw(_probabilities(logits[rows], scale), reach, height)
    return tokens


def log_probabilities(logits: Tensor, tokens: Tensor) -> Tensor:
    """log p of each row's token under the softmax in float32 at temperature 1.

    logits: (rows, vocabulary); tokens: (rows,). Returns (rows,), in nats.
    """
    return torch.log_softmax(logits.float(), dim=-1).gather(1, tokens.unsqueeze(1)).squeeze(1)


def _probabilities(logits: Tensor, temperature: Tensor) -> Tensor:
    """logits: (rows, vocabulary); temperature: (rows, 1)."""
    return torch.softmax(logits.float() / temperature, dim=-1)


def _draw_from_all(probabilities: Tensor, top_p: Tensor, uniform: Tensor) -> Tensor:
    """probabilities: (rows, vocabulary); uniform: (rows, 1). Returns (rows,)."""
    cumulative = probabilities.cumsum(dim=-1)
    place = torch.searchsorted(cumulative, uniform * cumulative[:, -1:], right=True)
    return place.clamp(max=probabilities.shape[1] - 1).squeeze(1)


def _draw_from_nucleus(probabilities: Tensor, top_p: Tensor, uniform: Tensor) -> Tensor:
    """probabilities: (rows, vocabulary); top_p, uniform: (rows, 1). Returns (rows,).

    On a CPU most nuclei lie within the few likeliest tokens, and to find those costs a fraction of sorting a
    vocabulary; the rows for which they do not reach top_p are looked at again. A GPU sorts at once: to ask it which
    rows are left would cost more.
    """
    vocabulary = probabilities.shape[1]
    widths = [width for width in _WIDTHS if width < vocabulary] if probabilities.device.type == "cpu" else []
    tokens = torch.empty(len(probabilities), dtype=torch.long, device=probabilities.device)
    waiting = torch.arange(len(probabilities), device=probabilities.device)
    for width in widths:
        likeliest, ids = probabilities[waiting].topk(width, dim=-1)
        reached = likeliest.sum(dim=-1) >= top_p[waiting, 0]
        done = waiting[reached]
        tokens[done] = _draw_ordered(likeliest[reached], ids[reached], top_p[done], uniform[done])
        waiting = waiting[~reached]
        if not len(waiting):
            return tokens
    ordered, ids = probabilities[waiting].sort(dim=-1, descending=True, stable=True)
    tokens[waiting] = _draw_ordered(ordered, ids, top_p[waiting], uniform[waiting])
    return tokens


def _draw_ordered(likeliest: Tensor, ids: Tensor, top_p: Tensor, uniform: Tensor) -> Tensor:
    """likeliest, ids: (rows, width), from the likeliest token on; top_p, uniform: (rows, 1). Returns (rows,)."""
    cumulative = likeliest.cumsum(dim=-1)
    last = (cumulative < top_p).sum(dim=-1, keepdim=True).clamp(max=likeliest.shape[1] - 1)
    place = torch.searchsorted(cumulative, uniform * cumulative.gather(1, last), right=True)
    return ids.gather(1, torch.minimum(place, last)).squeeze(1)
