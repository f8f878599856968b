"""Answers to the exercises of notebook 08: right ones, and misconceptions by the words that must name them."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from segnext_edu.training import recipe


def reference_step(model, optimizer, images, masks):
    optimizer.zero_grad()
    loss = recipe.segmentation_loss(model(images), masks)
    loss.backward()
    optimizer.step()
    return loss


# ---- right answers


def loss_by_picking(logits, masks):
    labelled = masks != 255
    logs = logits.log_softmax(1).movedim(1, -1)[labelled]
    return -logs.gather(1, masks[labelled][:, None]).sum() / max(labelled.sum().item(), 1)


def loss_with_a_branch(logits, masks):
    if (masks == 255).all():
        return logits.sum() * 0
    return F.cross_entropy(logits, masks, ignore_index=255)


def loss_by_pixels(logits, masks):
    each = F.cross_entropy(logits, masks, ignore_index=255, reduction="none")
    return each.sum() / (masks != 255).sum().clamp(min=1)


def loss_without_nan(logits, masks):
    return F.cross_entropy(logits, masks, ignore_index=255).nan_to_num(0)


def factor_with_min(step, steps, warmup):
    ramp = min(1.0, step / warmup) if warmup else 1.0
    return ramp * (steps - step) / steps


def factor_as_tensor(step, steps, warmup):
    return torch.tensor(recipe.lr_schedule(step, steps, warmup), dtype=torch.float64)


def step_of_the_package(model, optimizer, images, masks):
    model.train()
    loss = recipe.segmentation_loss(model(images), masks)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()


def step_through_the_model(model, optimizer, images, masks):
    out = model(images)
    model.zero_grad()
    (loss := F.cross_entropy(out, masks, ignore_index=255)).backward()
    optimizer.step()
    return loss.detach()


def indices_with_numpy(step, batch, count, seed):
    orders = [
        np.random.default_rng((seed, epoch)).permutation(count) for epoch in range((step + 1) * batch // count + 1)
    ]
    return np.concatenate(orders)[step * batch : (step + 1) * batch].tolist()


def indices_with_random(step, batch, count, seed):
    chosen = []
    for place in range(step * batch, step * batch + batch):
        order = list(range(count))
        random.Random(f"{seed}/{place // count}").shuffle(order)
        chosen.append(order[place % count])
    return chosen


RIGHT = {
    "segmentation_loss": [
        recipe.segmentation_loss,
        loss_by_picking,
        loss_with_a_branch,
        loss_by_pixels,
        loss_without_nan,
    ],
    "lr_schedule": [recipe.lr_schedule, factor_with_min, factor_as_tensor],
    "training_step": [reference_step, step_of_the_package, step_through_the_model],
    "batch_indices": [
        recipe.batch_indices,
        indices_with_numpy,
        indices_with_random,
        lambda *given: tuple(np.array(indices_with_numpy(*given))),
    ],
}


# ---- wrong ones, as they are usually written


def step_with(*lines: str) -> Callable:
    """A training step from its lines, in the order given."""
    body = "\n    ".join(["loss = F.cross_entropy(model(images), masks, ignore_index=255)", *lines, "return loss"])
    names: dict[str, Any] = {"F": F, "torch": torch}
    exec(f"def training_step(model, optimizer, images, masks):\n    {body}", names)
    return names["training_step"]


BACK, STEP, ZERO = "loss.backward()", "optimizer.step()", "optimizer.zero_grad()"


def shuffled(count: int, seed: int) -> list[int]:
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed)).tolist()


def cut(order: Callable[[int], list[int]]) -> Callable:
    """batch_indices from the order of a pass, by its number."""
    return lambda step, batch, count, seed: [
        order(place // count)[place % count] for place in range(step * batch, (step + 1) * batch)
    ]


def global_order(step, batch, count, seed):
    torch.manual_seed(recipe.mixed_seed(seed, step * batch // count))
    return recipe.batch_indices(step, batch, count, seed)


def one_pass_for_the_batch(step, batch, count, seed):
    order = shuffled(count, seed * 1000 + step * batch // count)
    return [order[place % count] for place in range(step * batch, (step + 1) * batch)]


def cut_short(step, batch, count, seed):
    start = step * batch % count
    return shuffled(count, seed * 1000 + step * batch // count)[start : start + batch]


def same_order(step, batch, count, seed):
    return [shuffled(count, seed)[place % count] for place in range(step * batch, (step + 1) * batch)]


def order_of_python(step, batch, count, seed):
    chosen = []
    for place in range(step * batch, (step + 1) * batch):
        random.seed(seed * 1000 + place // count)
        chosen.append(random.sample(range(count), count)[place % count])
    return chosen


def seed_unused(step, batch, count, seed):
    return cut(lambda epoch: shuffled(count, epoch))(step, batch, count, seed)


def mean_of_means(logits, masks):
    return sum(loss_with_a_branch(logits[i : i + 1], masks[i : i + 1]) for i in range(len(masks))) / len(masks)


def hidden_nan(logits, masks):
    labelled = masks != 255
    true = F.one_hot(masks.where(labelled, 0), logits.shape[1]).movedim(-1, 1) * labelled[:, None]
    total = -(logits.log_softmax(1) * true).sum()
    return torch.where(labelled.any(), total / labelled.sum(), 0.0)


def no_graph(logits, masks):
    return loss_with_a_branch(logits, masks) if (masks != 255).any() else torch.tensor(0.0)


def ignored_in_place(logits, masks):
    masks[masks == 255] = -100
    return F.cross_entropy(logits, masks)


def broken_line(logits, masks):
    pixels = logits.view(-1)
    return F.cross_entropy(pixels, masks)


WRONG = {
    "segmentation_loss": {
        "sum over the pixels": lambda x, y: F.cross_entropy(x, y, ignore_index=255, reduction="sum"),
        "number of pictures": lambda x, y: F.cross_entropy(x, y, ignore_index=255, reduction="sum") / len(y),
        "mean over all pixels": lambda x, y: F.cross_entropy(x, y, ignore_index=255, reduction="none").mean(),
        "softmax stands before": lambda x, y: loss_by_pixels(x.softmax(dim=1), y),
        "wrong sign": lambda x, y: -loss_by_pixels(x, y),
        "of class 0": lambda x, y: F.cross_entropy(x, torch.where(y == 255, torch.zeros_like(y), y)),
        "of the last class": lambda x, y: F.cross_entropy(x, y.clamp(max=x.shape[1] - 1)),
        "class 0 is left out": lambda x, y: loss_by_pixels(x, torch.where(y == 0, 255, y)),
        "each picture's mean": mean_of_means,
        "loss is NaN": lambda x, y: F.cross_entropy(x, y, ignore_index=255),
        "hidden, not avoided": hidden_nan,
        "expected 0: there is nothing": lambda x, y: loss_with_a_branch(x, y) if (y != 255).any() else x.sum() * 0 + 1,
        "`.item()`": lambda x, y: loss_by_pixels(x, y).item(),
        "changed the logits or the masks": ignored_in_place,
        "need their logarithm|needs their logarithm": lambda x, y: F.nll_loss(x.softmax(1), y, ignore_index=255),
        "wrong axis": lambda x, y: F.nll_loss(x.log_softmax(-1), y, ignore_index=255),
        "mixes classes and places": lambda x, y: F.cross_entropy(x.view(-1, x.shape[1]), y.flatten(), ignore_index=255),
        "knows nothing of the logits": lambda x, y: (
            loss_with_a_branch(x, y) if (y != 255).any() else torch.zeros((), requires_grad=True)
        ),
        "no gradient flows: was": lambda x, y: loss_by_pixels(x, y).detach(),
        "no gradient flows when nothing is labelled": no_graph,
        "a mean or a sum still missing": lambda x, y: F.cross_entropy(x, y, ignore_index=255, reduction="none"),
        "stopped at `return F.cross_entropy(pixels, masks)`": broken_line,
        "Target 255 is out of bounds": lambda x, y: F.cross_entropy(x, y),
    },
    "lr_schedule": {
        "not what is left": lambda s, n, w: s / n if s >= w else s / n * s / w,
        "not step + 1": lambda s, n, w: (1 - (s + 1) / n) * min(1, s / max(w, 1)),
        "not by steps - 1": lambda s, n, w: (1 - s / (n - 1)) * min(1, s / max(w, 1)),
        "begins only after the warm-up": lambda s, n, w: s / w if s < w else 1 - (s - w) / (n - w),
        "way down is missing": lambda s, n, w: s / w if s < w else 1.0,
        "power 2": lambda s, n, w: (1 - s / n) ** 2 * (s / w if s < w else 1),
        "power 0.9": lambda s, n, w: (1 - s / n) ** 0.9 * (s / w if s < w else 1),
        "half a cosine": lambda s, n, w: 0.5 * (1 + torch.cos(torch.tensor(3.14159265 * s / n)).item()),
        "still works after its end": lambda s, n, w: (1 - s / n) * s / w,
        "no warm-up in it": lambda s, n, w: 1 - s / n,
        "warm-up alone. The way down": lambda s, n, w: s / w if s < w else 1 - s / n,
        "warm-up alone, and off by one": lambda s, n, w: (s + 1) / w if s < w else 1 - s / n,
        "not (step + 1) / warmup": lambda s, n, w: (1 - s / n) * ((s + 1) / w if s < w else 1),
        "not by warmup - 1": lambda s, n, w: (1 - s / n) * (s / (w - 1) if s < w else 1),
        "runs backwards": lambda s, n, w: (1 - s / n) * (1 - s / w if s < w else 1),
        "divided by the warm-up's": lambda s, n, w: (1 - s / n) / (s / w if 0 < s < w else 1) if s else float("inf"),
        "added the two": lambda s, n, w: 1 - s / n + (s / w if s < w else 0),
        "smaller of the two": lambda s, n, w: min(s / w, 1 - s / n) if s < w else 1 - s / n,
        "climbs to the line's height": lambda s, n, w: (1 - w / n) * s / w if s < w else 1 - s / n,
        "runs? goes wrong|without warm-up": lambda s, n, w: (1 - s / n) * min(1.0, s / w),
        "Expected a factor between 0 and 1, a number": lambda s, n, w: "half",
        "gave NaN, which is no number": lambda s, n, w: float("nan"),
        "root or the logarithm": lambda s, n, w: torch.tensor(float(w - s)).sqrt(),
        "the example's numbers": lambda s, n, w: recipe.lr_schedule(s, 150, 15),
        "100 times that at every step": lambda s, n, w: 100 * recipe.lr_schedule(s, n, w),
    },
    "training_step": {
        "zero_grad is missing": step_with(BACK, STEP),
        "step comes before the backward": step_with(STEP, BACK, ZERO),
        "throws the fresh gradients away": step_with(BACK, ZERO, STEP),
        "Without loss.backward()": step_with(ZERO, STEP),
        "Without optimizer.step()": step_with(ZERO, BACK),
        "Once each is enough": step_with(ZERO, BACK, STEP, STEP),
        "not by optimizer.step()": step_with(BACK, "torch.optim.SGD(model.parameters(), lr=0.5).step()"),
        "which has forgotten where it came from": step_with(ZERO, "loss = loss.item()", BACK, STEP),
        "eval mode": lambda model, *rest: reference_step(model.eval(), *rest),
        "look at the loss": step_with("loss = loss_ = 3 * loss", ZERO, BACK, STEP),
        "loss after the step": step_with(
            ZERO, BACK, STEP, "loss = F.cross_entropy(model(images), masks, ignore_index=255)"
        ),
        "`return` missing": step_with(ZERO, BACK, STEP, "return"),
        "does not require grad": step_with("with torch.no_grad(): loss = model(images).sum()", ZERO, BACK, STEP),
    },
    "batch_indices": {
        "nothing is shuffled": lambda s, b, n, seed: [place % n for place in range(s * b, (s + 1) * b)],
        "All passes have the same order": same_order,
        "Asked twice for step 3": lambda s, b, n, seed: torch.randperm(n)[:b].tolist(),
        "global random state": global_order,
        "drawn anew for every step": lambda s, b, n, seed: (shuffled(n, seed + s) * 2)[:b],
        "spans two passes: each": one_pass_for_the_batch,
        "may span two passes": cut_short,
        "the seed is not used": seed_unused,
        "`% count`": lambda s, b, n, seed: list(range(s * b, (s + 1) * b)),
        "`.tolist()`": lambda s, b, n, seed: torch.tensor(same_order(s, b, n, seed)),
        "global random state of Python or NumPy": order_of_python,
        "`.item()` makes one of each": lambda s, b, n, seed: list(torch.tensor(same_order(s, b, n, seed))),
        "first pass is over by then": lambda s, b, n, seed: shuffled(n, seed)[s * b : s * b + b],
        "expected a list of whole numbers": lambda s, b, n, seed: 3,
    },
}
