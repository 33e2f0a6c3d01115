"""The repair network of one target as one network of one tensor, for programs without this package.

What Nuke's Inference node asks for decides its shape: one tensor in and one out, the target's dictionary inside, values
in [0, 1], any size, single or half precision.
Convention: (1, 11, H, W) in, in the order of :data:`INPUTS`; (1, 4, H, W) out, in the order of :data:`OUTPUTS`.

TorchScript compiles these classes as they are written. The oldest PyTorch that has to load the result is 1.6, so they
call operators that it has, and none of ``torch.nn``'s modules, whose code is compiled in and changes with its version.
(For the same reason annotations are not postponed in this module.)
"""

import io
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ofx_reenact.errors import SettingsError
from ofx_reenact.fdgan.dictionary import AdaINReader, MeanReader, NoReader, Reader
from ofx_reenact.fdgan.landmark_image import landmark_image
from ofx_reenact.fdgan.network import Translator
from ofx_reenact.fdgan.repair import FLOW, GIVEN, LINE, MASK_BIAS
from ofx_reenact.fdgan.window import MOUTH_SIZE
from ofx_reenact.files import written_whole

# The lines that a mouth's window can show, by their place in the landmark image; eyes and brows come into it only in
# heads that look down by more than 40°.
LINES = {"jaw": 0, "bridge": 3, "base": 4, "outer": 7, "inner": 8}
MAPS = ("visibility", "stretch", "mouth")
INPUTS = ("R", "G", "B", *(f"landmarks.{line}" for line in LINES), *(f"regions.{name}" for name in MAPS))
OUTPUTS = ("R", "G", "B", "A")
# Both sides of what the translator sees are multiples of this: each of four levels halves them.
MULTIPLE = 16
# Of ONNX: the first with grid sampling is 16.
OPSET = 17
# Records of a TorchScript archive that are no part of the network: where its source lay on this machine, in a form that
# PyTorch 1.6 cannot read, and what newer versions note for themselves.
_NOTES = (".debug_pkl", "/byteorder", "/.data/serialization_id")


class Exported(nn.Module):
    """The repair network's translator and what becomes of its outputs, with one target's dictionary inside.

    ``strength`` is how much of the repair is taken, 0 to 1; for a knob.
    """

    __constants__ = ("multiple", "reach", "given", "bias", "rows")

    def __init__(self, translator: Translator, dictionary: Sequence[Tensor], strength: float = 1.0) -> None:
        """Put a dictionary, values (n_i, C_i) of each level, finest first, into a translator with its adapters in."""
        super().__init__()
        self.strength = strength
        self.multiple, self.reach, self.given, self.bias = MULTIPLE, FLOW, GIVEN, MASK_BIAS
        self.rows = MOUTH_SIZE[1]
        self.down = nn.ModuleList([plain(down) for down in translator.down])
        levels = zip(translator.reader, dictionary, translator.up, strict=True)
        self.up = nn.ModuleList([nn.Sequential(holding(r, values), plain(up)) for r, values, up in levels][::-1])
        self.requires_grad_(False).eval()

    def forward(self, x: Tensor) -> Tensor:
        """Repair windows.

        Args:
            x: (B, 11, H, W) of the network's type; what lies outside of [0, 1] is cut off.

        Returns:
            (B, 4, H, W) of the same type: picture, display-encoded, and mask, in [0, 1].
        """
        height, width = x.shape[2], x.shape[3]
        beyond = [0, -width % self.multiple, 0, -height % self.multiple]
        seen = torch._C._nn.replication_pad2d(x.float(), beyond).clamp(0.0, 1.0)  # type: ignore[attr-defined]
        warped, lines, maps = seen[:, 0:3] * 2.0 - 1.0, seen[:, 3:8], seen[:, 8:11]
        # The translator was trained with all nine lines: the others are not there.
        none = torch.zeros_like(lines[:, 0:2])
        parts = torch.cat([lines[:, 0:1], none, lines[:, 1:3], none, lines[:, 3:5]], 1)
        raw = self.translate(torch.cat([parts, warped, maps], 1).to(x.dtype)).float()
        # As a finer window's; see ``finer_of``.
        finer = max((height + self.rows // 2) // self.rows, 1)
        flow = torch.tanh(raw[:, 4:6]) * (self.reach * self.strength * finer)
        given = self.given * finer
        around = 2 * given + 1
        missing = torch.max_pool2d(1.0 - maps[:, 0:1], [around, around], [1, 1], [given, given])
        mask = (missing + (1.0 - missing) * torch.sigmoid(raw[:, 3:4] + self.bias)) * self.strength
        base = self.displaced(warped, flow)
        picture = base + mask * (torch.tanh(raw[:, 0:3]) - base)
        shown = torch.cat([(picture * 0.5 + 0.5).clamp(0.0, 1.0), mask], 1)
        return shown[:, :, 0:height, 0:width].to(x.dtype).contiguous()

    def translate(self, x: Tensor) -> Tensor:
        """See :meth:`Translator.forward`: (B, 15, H, W) → (B, 6, H, W), H and W multiples of 16."""
        skips = [x]
        for down in self.down:
            skips.append(down(skips[-1]))
        h = skips.pop()
        for up in self.up:
            h = up(h)
            if len(skips) > 1:
                h = h + skips.pop()
        return h

    def displaced(self, picture: Tensor, flow: Tensor) -> Tensor:
        """See :func:`ofx_reenact.fdgan.repair.displaced`."""
        height, width = picture.shape[2], picture.shape[3]
        x = torch.arange(width, dtype=flow.dtype, device=flow.device).view(1, 1, width) + flow[:, 0]
        y = torch.arange(height, dtype=flow.dtype, device=flow.device).view(1, height, 1) + flow[:, 1]
        at = torch.stack([(x + 0.5) * (2.0 / width) - 1.0, (y + 0.5) * (2.0 / height) - 1.0], 3)
        # Bilinear; beyond the border its own colour; 1 is the border's edge.
        return torch.grid_sampler(picture, at, 0, 1, False)


class Convolution(nn.Module):
    """A convolution, or a transposed one, that keeps nothing of the layer but its numbers."""

    __constants__ = ("stride", "padding", "enlarges")

    def __init__(self, layer: nn.Conv2d | nn.ConvTranspose2d) -> None:
        super().__init__()
        assert layer.bias is not None and isinstance(layer.padding[0], int)
        self.stride, self.padding, self.enlarges = layer.stride[0], layer.padding[0], layer.transposed
        self.weight, self.bias = kept(layer.weight), kept(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C', H', W')."""
        stride, padding = [self.stride, self.stride], [self.padding, self.padding]
        if self.enlarges:
            return torch.conv_transpose2d(x, self.weight, self.bias, stride, padding)
        return torch.conv2d(x, self.weight, self.bias, stride, padding)


class Slope(nn.Module):
    """PReLU."""

    def __init__(self, layer: nn.PReLU) -> None:
        super().__init__()
        self.weight = kept(layer.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Flatten what is below 0."""
        return torch.prelu(x, self.weight)


class Rows(nn.Module):
    """Equation 9 with its values inside; the products and the softmax in float32 whatever the picture is in."""

    def __init__(self, reader: Reader, values: Tensor) -> None:
        super().__init__()
        self.to_query = Convolution(reader.to_query)
        self.tags, self.values = kept(reader.tags), kept(values.t())

    def forward(self, h: Tensor) -> Tensor:
        """Add what the rows say to maps (B, C, H, W)."""
        query = self.to_query(h).flatten(2).float()
        share = torch.softmax(torch.matmul(self.tags.float(), query), 1)
        return h + torch.matmul(self.values.float(), share).view(h.shape).to(h.dtype)


class Mean(nn.Module):
    """Ablation FD-GAN-1: one row, the same everywhere."""

    def __init__(self, values: Tensor) -> None:
        super().__init__()
        self.row = kept(values.reshape(1, -1, 1, 1))

    def forward(self, h: Tensor) -> Tensor:
        """Add the row to maps (B, C, H, W)."""
        return h + self.row


class AdaIN(nn.Module):
    """Ablation AdaIN: scale and offset of an instance normalisation."""

    def __init__(self, reader: AdaINReader, values: Tensor) -> None:
        super().__init__()
        with torch.no_grad():
            scale, offset = reader.to_style(values).reshape(1, -1, 1, 1).chunk(2, 1)
        self.scale, self.offset = kept(1 + scale), kept(offset)

    def forward(self, h: Tensor) -> Tensor:
        """Style maps (B, C, H, W)."""
        level = torch.instance_norm(h.float(), None, None, None, None, True, 0.1, 1e-5, False)
        return level.to(h.dtype) * self.scale + self.offset


class Nothing(nn.Module):
    """Ablation Pix2PixHD: there is no dictionary."""

    def forward(self, h: Tensor) -> Tensor:
        """Return maps as they are."""
        return h


def kept(values: Tensor) -> nn.Parameter:
    """Numbers of their own, laid out plainly, that nothing trains."""
    return nn.Parameter(values.detach().float().clone(memory_format=torch.contiguous_format), requires_grad=False)


def plain(layers: nn.Module) -> nn.Sequential:
    """Rebuild the layers of :mod:`ofx_reenact.fdgan.network` without ``torch.nn``'s code."""
    return nn.Sequential(
        *(Slope(layer) if isinstance(layer, nn.PReLU) else Convolution(layer) for layer in layers.children())  # type: ignore[arg-type]
    )


def holding(reader: nn.Module, values: Tensor) -> nn.Module:
    """Return a reader with its level's values (n, C) inside."""
    if isinstance(reader, Reader):
        return Rows(reader, values)
    if isinstance(reader, MeanReader):
        return Mean(values)
    if isinstance(reader, AdaINReader):
        return AdaIN(reader, values)
    assert isinstance(reader, NoReader)
    return Nothing()


def save_torchscript(network: Exported, path: Path) -> None:
    """Write a network as TorchScript; the same network is the same file, and it names no folder of this machine.

    Raises:
        OutputError: it cannot be written.
    """
    for module in network.modules():
        # What torch leaves None here is of a type that 1.6 has no name for; it asks for it in trainings alone.
        module._is_full_backward_hook = False
    whole = io.BytesIO()
    torch.jit.save(torch.jit.script(network), whole)
    with written_whole(path) as partial, zipfile.ZipFile(whole) as source, zipfile.ZipFile(partial, "w") as sink:
        for record in source.infolist():
            if not record.filename.endswith(_NOTES):
                sink.writestr(zipfile.ZipInfo(record.filename), source.read(record))


def save_onnx(network: Exported, path: Path, note: Mapping[str, str]) -> None:
    """Write a network as ONNX, of any size, with a note in its metadata.

    Raises:
        SettingsError: the package ``onnx`` is not installed.
        OutputError: it cannot be written.
    """
    try:
        import onnx
    except ImportError as error:
        raise SettingsError("ONNX needs one more package: pip install 'ofx-reenact[export]'") from error
    free, some = {2: "height", 3: "width"}, torch.zeros(1, len(INPUTS), 6 * MULTIPLE, 8 * MULTIPLE)
    with written_whole(path) as partial:
        with warnings.catch_warnings():
            # The exporter that torch would rather have used needs one package more and gives the same network.
            warnings.simplefilter("ignore")
            torch.onnx.export(
                network, (some,), str(partial), dynamo=False, opset_version=OPSET, input_names=["input"],
                output_names=["output"], dynamic_axes={"input": free, "output": free},
            )  # fmt: skip
        model = onnx.load(str(partial))
        onnx.helper.set_model_props(model, {"inputs": ", ".join(INPUTS), "outputs": ", ".join(OUTPUTS), **note})
        onnx.save(model, str(partial))


def lines_of(landmarks: np.ndarray, height: int, width: int) -> np.ndarray:
    """Draw :data:`LINES` of landmarks (68, 2) in a window's pixels: (h, w, 5)."""
    drawn = landmark_image(torch.from_numpy(landmarks.astype(np.float32))[None], height, width, "parts", LINE)
    return drawn[0, list(LINES.values())].permute(1, 2, 0).numpy()
