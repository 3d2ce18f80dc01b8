"""Texts of a batch: picking, repeating, joining, replacing."""

from __future__ import annotations

import pytest
import torch

from ddmi_models.diffusion.condition import Condition
from ddmi_models.errors import BadInput
from tests.diffusion.tiny import texts


def test_select_after_cat_gives_each_text_back() -> None:
    first, second = texts(2, 1), texts(1, 2)
    both = Condition.cat([first, second])
    assert len(both) == 3
    for whole, index, part in ((both, 1, first.select(1)), (both, 2, second)):
        assert torch.equal(whole.select(index).context, part.context)
        assert torch.equal(whole.select(index).pooled, part.pooled)
        assert torch.equal(whole.select(index).mask, part.mask)


def test_a_text_without_mask_joins_one_with_mask() -> None:
    masked = texts(1)
    both = Condition.cat([Condition(masked.context, None, masked.pooled), masked])
    assert both.mask is not None and masked.mask is not None
    assert both.mask[0].all()
    assert torch.equal(both.mask[1], masked.mask[0])


def test_one_text_serves_any_number_of_samples() -> None:
    one = texts(1)
    assert torch.equal(one.expand(3).context, one.context.repeat(3, 1, 1))
    with pytest.raises(BadInput, match="2 texts were given for 3 samples"):
        texts(2).expand(3)


def test_replaced_takes_only_the_marked_rows() -> None:
    own, empty = texts(3, 1), texts(1, 2)
    mixed = own.replaced(torch.tensor([False, True, False]), empty)
    assert torch.equal(mixed.context, torch.stack([own.context[0], empty.context[0], own.context[2]]))
    assert torch.equal(mixed.pooled, torch.stack([own.pooled[0], empty.pooled[0], own.pooled[2]]))


def test_texts_of_different_towers_are_not_joined() -> None:
    own = texts(1)
    with pytest.raises(BadInput, match="different ways"):
        Condition.cat([own, Condition(own.context[:, :2], None, own.pooled)])
    with pytest.raises(BadInput, match="different ways"):
        Condition.cat([own, Condition(own.context, own.mask)])
