"""The dictionary: its size, equations 8 and 9, several references, precision."""

import pytest
import torch

from ofx_reenact.fdgan.dictionary import MeanReader, MeanWriter, Reader, Writer, attend, count_values
from ofx_reenact.fdgan.network import Extractor


def test_dictionary_has_the_papers_size_and_no_more():
    with torch.no_grad():
        dictionary = Extractor()(torch.randn(1, 1, 6, 64, 64))
    assert [tuple(v.shape[1:]) for v in dictionary] == [(512, 32), (256, 64), (128, 128), (64, 256)]
    assert count_values(dictionary) == 65_536


def test_writer_and_reader_have_the_right_gradients():
    torch.manual_seed(0)
    writer, reader = Writer(3, 4, 5).double(), Reader(3, 4, 5).double()
    maps = torch.randn(2, 3, 3, 2, dtype=torch.float64, requires_grad=True)
    values = torch.randn(2, 4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(writer, maps)
    assert torch.autograd.gradcheck(reader, (maps, values))


def test_writer_is_equation_8():
    torch.manual_seed(1)
    writer, maps = Writer(3, 4, 5), torch.randn(1, 3, 2, 3)
    p, x = writer.to_tag(maps)[0].flatten(1), writer.to_value(maps)[0].flatten(1)
    for i, row in enumerate(writer(maps)[0]):
        weights = torch.exp(writer.tags[i] @ p)
        assert torch.allclose(row, (weights * x).sum(1) / weights.sum(), atol=1e-5)


def test_reader_is_equation_9():
    torch.manual_seed(2)
    reader, h, values = Reader(3, 4, 5), torch.randn(1, 3, 2, 2), torch.randn(1, 4, 3)
    q, read = reader.to_query(h)[0].flatten(1), reader(h, values)[0].flatten(1)
    for j in range(4):
        weights = torch.exp(reader.tags @ q[:, j])
        assert torch.allclose(read[:, j], h[0].flatten(1)[:, j] + weights @ values[0] / weights.sum(), atol=1e-5)


def test_order_of_the_rows_means_nothing():
    torch.manual_seed(3)
    reader, h, values = Reader(3, 6), torch.randn(1, 3, 4, 4), torch.randn(1, 6, 3)
    order = torch.randperm(6)
    shuffled = Reader(3, 6)
    shuffled.load_state_dict(reader.state_dict() | {"tags": reader.tags[order]})
    assert torch.allclose(reader(h, values), shuffled(h, values[:, order]), atol=1e-6)


def test_several_references_are_the_union_of_their_locations():
    torch.manual_seed(4)
    writer, maps = Writer(3, 4), torch.randn(2, 3, 4, 5)
    joined = torch.cat([maps[0], maps[1]], dim=-1)[None]
    assert torch.allclose(writer(maps, pictures=2), writer(joined), atol=1e-6)
    assert torch.allclose(writer(maps[:1].repeat(3, 1, 1, 1), pictures=3), writer(maps[:1]), atol=1e-6)


@pytest.mark.parametrize("length", [32, 48])
def test_softmax_stays_in_single_precision_under_bfloat16(length):
    """Ten thousand keys of nearly one weight: weights of 1e-4 would be lost in eight bits."""
    torch.manual_seed(6)
    queries, keys = torch.randn(1, 4, 32) * 0.05, torch.randn(1, 10_000, 32)
    values = torch.randn(1, 10_000, length) + torch.linspace(0, 1, 10_000)[None, :, None]
    low = [x.bfloat16() for x in (queries, keys, values)]
    exact = attend(*(x.double() for x in low))
    found = attend(*low).double()
    assert (found - exact).abs().max() < 0.01
    rounded = torch.softmax((low[0] @ low[1].transpose(1, 2)), dim=-1) @ low[2]
    assert (found - exact).abs().mean() <= (rounded.double() - exact).abs().mean() + 1e-6


@pytest.mark.parametrize("length", [5, 7])
def test_attention_is_the_same_in_one_kernel_and_in_steps(length):
    torch.manual_seed(7)
    queries, keys, values = torch.randn(2, 6, 5), torch.randn(2, 9, 5), torch.randn(2, 9, length)
    weights = torch.softmax(queries.double() @ keys.double().transpose(1, 2), dim=-1)
    assert torch.allclose(attend(queries, keys, values).double(), weights @ values.double(), atol=1e-5)


def test_one_row_is_the_plain_mean_and_the_same_everywhere():
    torch.manual_seed(5)
    writer, maps = MeanWriter(3), torch.randn(1, 3, 4, 4)
    row = writer(maps)
    assert torch.allclose(row[0, 0], writer.to_value(maps)[0].flatten(1).mean(1), atol=1e-6)
    read = MeanReader()(torch.zeros(1, 3, 4, 4), row)
    assert torch.equal(read.flatten(2), row.transpose(1, 2).expand(1, 3, 16))
