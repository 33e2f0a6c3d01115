"""The repair of a warp: its mask, what is always painted, its flow."""

import pytest
import torch

from ofx_reenact.fdgan.repair import displaced, fixed_mask, repaired


def test_no_mask_and_no_flow_is_the_warp_but_for_rounding():
    warped = torch.rand(1, 3, 32, 48) * 2 - 1
    maps = torch.tensor([1.0, 0.5, 0.0])[:, None, None].expand(1, 3, 32, 48)
    raw = torch.zeros(1, 6, 32, 48)
    raw[:, 3] = -1e4
    made = repaired(raw, warped, maps)
    assert torch.allclose(made.picture, warped, atol=1e-5) and made.mask.max() == 0


def test_what_is_missing_is_always_painted():
    maps = torch.ones(1, 3, 32, 48)
    maps[:, 0, 10:14, 20:30] = 0
    raw = torch.zeros(1, 6, 32, 48)
    raw[:, 3] = -1e4
    made = repaired(raw, torch.ones(1, 3, 32, 48), maps)
    assert (made.mask[0, 0, 8:16, 18:32] == 1).all() and fixed_mask(maps).sum() == 8 * 14
    assert (made.picture[..., 10:14, 20:30] == 0).all()


def test_flow_takes_colour_from_where_it_points():
    picture = torch.zeros(1, 1, 16, 16)
    picture[..., 5, 9] = 1
    flow = torch.zeros(1, 2, 16, 16)
    flow[:, 0], flow[:, 1] = 2, -1
    assert displaced(picture, flow)[0, 0, 6, 7] == pytest.approx(1, abs=1e-5)
