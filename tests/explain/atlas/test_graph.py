"""A graph that is kept answers what `explain` answers, as often as it is asked, and lets go of its memory."""

from __future__ import annotations

import weakref

import pytest
import torch

from segnext_edu import SegNeXt
from segnext_edu.explain.atlas.graph import Graph
from segnext_edu.explain.gradients import grad_cam, receptive_field


@pytest.fixture(scope="module")
def model() -> SegNeXt:
    """nano with gates and scales that are not nearly the identity, and a norm that is not, either."""
    torch.manual_seed(1)
    model = SegNeXt("nano", 5).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(("layer_scale_1", "layer_scale_2")):
                parameter.fill_(0.3)
            elif parameter.dim() == 1:
                parameter.add_(torch.randn(parameter.shape), alpha=0.2)
    return model


@pytest.mark.parametrize("height, width", [(64, 96), (90, 50)])
def test_the_kept_graph_answers_as_explain_does_and_again(model: SegNeXt, height: int, width: int) -> None:
    """In every stage, at several cells, for every class; the second time round, too, and in whatever order."""
    images = torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(height))
    graph = Graph.of(model, images)
    labels = torch.arange(5).repeat(graph.logits[0, 0].numel())[: graph.logits[0, 0].numel()]
    labels = labels.view(graph.logits.shape[2:])  # (h, w)
    for _ in range(2):
        for stage, maps in enumerate(graph.stages, start=1):
            for y, x in ((0, 0), (maps.shape[2] - 1, maps.shape[3] // 2)):
                wanted = receptive_field(model, images, stage, y, x)[0]
                assert wanted.max() > 0
                torch.testing.assert_close(graph.pull(stage, y, x), wanted, rtol=1e-5, atol=1e-5 * wanted.max().item())
        for label in range(5):
            where = labels == label
            wanted = grad_cam(model, images, label, where=where[None])[0]
            heat = graph.heat(label, where)
            torch.testing.assert_close(heat, wanted, rtol=1e-5, atol=1e-6)
            assert not heat.requires_grad
    assert not images.requires_grad and all(part.grad is None for part in model.parameters())


def test_what_a_graph_takes_is_counted_and_freed(model: SegNeXt) -> None:
    """It grows as the picture does, and nothing of it outlives it."""
    small, large = (Graph.of(model, torch.randn(1, 3, 64, 64 * times)) for times in (1, 4))
    assert small.stages[0].nbytes * 10 < small.nbytes < large.nbytes / 3.5
    gone = [weakref.ref(large), *(weakref.ref(kept) for kept in (large.images, large.last, large.logits))]
    del large
    assert [kept() for kept in gone] == [None] * len(gone)
