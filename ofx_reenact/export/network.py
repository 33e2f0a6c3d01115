"""One network with FD-GAN's repair network and one target's dictionary, for programs without this package.

Nuke's Inference node decides its form: one tensor in and one out, values in [0, 1], any size, single or half precision.
Convention: (1, 11, H, W) in, in the order of :data:`INPUTS`; (1, 4, H, W) out, in the order of :data:`OUTPUTS`.

TorchScript compiles the source of these classes. The oldest PyTorch that has to load the result is 1.6, so they call
only operators that it has, and none of ``torch.nn``'s modules, whose code would be compiled in and changes with the
version. It also needs real annotations, so this module does not import them from ``__future__``. The names of classes,
attributes and local variables of ``forward`` are written into the file.
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
from ofx_reenact.fdgan.repair import FIXED_MASK_AROUND, FLOW, LINE, MASK_BIAS
from ofx_reenact.fdgan.window import MOUTH_SIZE
from ofx_reenact.files import write_whole

# The lines that a mouth window can show, with their channel in the landmark image. Eyes and brows are left out: they
# come into the window only if the head looks down by more than 40°.
LINES = {"jaw": 0, "bridge": 3, "base": 4, "outer": 7, "inner": 8}
MAPS = ("visibility", "stretch", "mouth")
INPUTS = ("R", "G", "B", *(f"landmarks.{line}" for line in LINES), *(f"regions.{name}" for name in MAPS))
OUTPUTS = ("R", "G", "B", "A")
# The translator needs sides that are multiples of this: each of its four levels halves them.
MULTIPLE = 16
# ONNX operator set; grid sampling exists from 16 on.
OPSET = 17
# Records of a TorchScript archive that are left out, because they are no part of the network: source locations on this
# machine, in a form that PyTorch 1.6 cannot read, and records that only newer versions know.
_NOTES = (".debug_pkl", "/byteorder", "/.data/serialization_id")


class Exported(nn.Module):
    """The repair network's translator with one target's dictionary, and the composition of its outputs.

    ``strength`` is the fraction of the repair that is applied, 0 to 1; Nuke makes a knob of it.
    """

    __constants__ = ("multiple", "reach", "given", "bias", "rows")

    def __init__(self, translator: Translator, dictionary: Sequence[Tensor], strength: float = 1.0) -> None:
        """Copy a translator, with its adapters applied, and a dictionary: (n_i, C_i) by level, finest first."""
        super().__init__()
        self.strength = strength
        self.multiple, self.reach, self.given, self.bias = MULTIPLE, FLOW, FIXED_MASK_AROUND, MASK_BIAS
        self.rows = MOUTH_SIZE[1]
        self.down = nn.ModuleList([rebuild(down) for down in translator.down])
        levels = zip(translator.reader, dictionary, translator.up, strict=True)
        layers = [nn.Sequential(rebuild_reader(reader, values), rebuild(up)) for reader, values, up in levels]
        self.up = nn.ModuleList(layers[::-1])
        self.requires_grad_(False).eval()

    def forward(self, x: Tensor) -> Tensor:
        """Repair windows.

        Args:
            x: (B, 11, H, W) of the network's type; values are clamped to [0, 1].

        Returns:
            (B, 4, H, W) of the same type: picture, display-encoded, and mask, in [0, 1].
        """
        height, width = x.shape[2], x.shape[3]
        beyond = [0, -width % self.multiple, 0, -height % self.multiple]
        seen = torch._C._nn.replication_pad2d(x.float(), beyond).clamp(0.0, 1.0)  # type: ignore[attr-defined]
        warped, lines, maps = seen[:, 0:3] * 2.0 - 1.0, seen[:, 3:8], seen[:, 8:11]
        # The translator was trained with nine lines; those that are left out are empty.
        none = torch.zeros_like(lines[:, 0:2])
        parts = torch.cat([lines[:, 0:1], none, lines[:, 1:3], none, lines[:, 3:5]], 1)
        raw = self.translate(torch.cat([parts, warped, maps], 1).to(x.dtype)).float()
        # Larger inputs are treated as finer windows; see :func:`ofx_reenact.fdgan.window.finer_of`.
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
        # Bilinear (0), border padding (1), and -1 and 1 are the outer edges of the border pixels (False).
        return torch.grid_sampler(picture, at, 0, 1, False)


class Convolution(nn.Module):
    """A convolution, or a transposed one, with the weights and sizes of a ``torch.nn`` layer but none of its code."""

    __constants__ = ("stride", "padding", "enlarges")

    def __init__(self, layer: nn.Conv2d | nn.ConvTranspose2d) -> None:
        super().__init__()
        assert layer.bias is not None and isinstance(layer.padding[0], int)
        self.stride, self.padding, self.enlarges = layer.stride[0], layer.padding[0], layer.transposed
        self.weight, self.bias = frozen(layer.weight), frozen(layer.bias)

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
        self.weight = frozen(layer.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Multiply negative values by the slope."""
        return torch.prelu(x, self.weight)


class Rows(nn.Module):
    """The dictionary reader of equation 9 with its values; products and softmax are float32 at any precision."""

    def __init__(self, reader: Reader, values: Tensor) -> None:
        super().__init__()
        self.to_query = Convolution(reader.to_query)
        self.tags, self.values = frozen(reader.tags), frozen(values.t())

    def forward(self, h: Tensor) -> Tensor:
        """Add the weighted sum of the dictionary's rows to maps (B, C, H, W)."""
        query = self.to_query(h).flatten(2).float()
        share = torch.softmax(torch.matmul(self.tags.float(), query), 1)
        return h + torch.matmul(self.values.float(), share).view(h.shape).to(h.dtype)


class Mean(nn.Module):
    """Ablation FD-GAN-1: one row, the same at every pixel."""

    def __init__(self, values: Tensor) -> None:
        super().__init__()
        self.row = frozen(values.reshape(1, -1, 1, 1))

    def forward(self, h: Tensor) -> Tensor:
        """Add the row to maps (B, C, H, W)."""
        return h + self.row


class AdaIN(nn.Module):
    """Ablation AdaIN: instance normalisation with a scale and an offset from the dictionary."""

    def __init__(self, reader: AdaINReader, values: Tensor) -> None:
        super().__init__()
        with torch.no_grad():
            scale, offset = reader.to_style(values).reshape(1, -1, 1, 1).chunk(2, 1)
        self.scale, self.offset = frozen(1 + scale), frozen(offset)

    def forward(self, h: Tensor) -> Tensor:
        """Normalise maps (B, C, H, W), then scale and offset them."""
        level = torch.instance_norm(h.float(), None, None, None, None, True, 0.1, 1e-5, False)
        return level.to(h.dtype) * self.scale + self.offset


class Nothing(nn.Module):
    """Ablation Pix2PixHD: no dictionary."""

    def forward(self, h: Tensor) -> Tensor:
        """Return maps unchanged."""
        return h


def frozen(values: Tensor) -> nn.Parameter:
    """Return a contiguous float32 copy of values as a parameter that is not trained."""
    return nn.Parameter(values.detach().float().clone(memory_format=torch.contiguous_format), requires_grad=False)


def rebuild(layers: nn.Module) -> nn.Sequential:
    """Rebuild layers of :mod:`ofx_reenact.fdgan.network` from this module's classes."""
    return nn.Sequential(
        *(Slope(layer) if isinstance(layer, nn.PReLU) else Convolution(layer) for layer in layers.children())  # type: ignore[arg-type]
    )


def rebuild_reader(reader: nn.Module, values: Tensor) -> nn.Module:
    """Rebuild a dictionary reader from this module's classes, with its level's values (n, C) inside."""
    if isinstance(reader, Reader):
        return Rows(reader, values)
    if isinstance(reader, MeanReader):
        return Mean(values)
    if isinstance(reader, AdaINReader):
        return AdaIN(reader, values)
    assert isinstance(reader, NoReader)
    return Nothing()


def save_torchscript(network: Exported, path: Path) -> None:
    """Write a network as TorchScript. The same network gives the same bytes, without paths of this machine.

    Raises:
        OutputError: it cannot be written.
    """
    for module in network.modules():
        # torch sets this to None, a type that 1.6 cannot load; only training uses it.
        module._is_full_backward_hook = False
    whole = io.BytesIO()
    torch.jit.save(torch.jit.script(network), whole)
    with write_whole(path) as partial, zipfile.ZipFile(whole) as source, zipfile.ZipFile(partial, "w") as sink:
        for record in source.infolist():
            if not record.filename.endswith(_NOTES):
                sink.writestr(zipfile.ZipInfo(record.filename), source.read(record))


def save_onnx(network: Exported, path: Path, note: Mapping[str, str]) -> None:
    """Write a network as ONNX with free height and width; ``note`` is added to its metadata.

    Raises:
        SettingsError: the package ``onnx`` is not installed.
        OutputError: it cannot be written.
    """
    try:
        import onnx
    except ImportError as error:
        raise SettingsError("ONNX needs one more package: pip install 'ofx-reenact[export]'") from error
    free_sizes, example = {2: "height", 3: "width"}, torch.zeros(1, len(INPUTS), 6 * MULTIPLE, 8 * MULTIPLE)
    with write_whole(path) as partial:
        with warnings.catch_warnings():
            # torch recommends its newer exporter, which needs one more package and gives the same network.
            warnings.simplefilter("ignore")
            torch.onnx.export(
                network, (example,), str(partial), dynamo=False, opset_version=OPSET, input_names=["input"],
                output_names=["output"], dynamic_axes={"input": free_sizes, "output": free_sizes},
            )  # fmt: skip
        model = onnx.load(str(partial))
        onnx.helper.set_model_props(model, {"inputs": ", ".join(INPUTS), "outputs": ", ".join(OUTPUTS), **note})
        onnx.save(model, str(partial))


def draw_lines(landmarks: np.ndarray, height: int, width: int) -> np.ndarray:
    """Draw :data:`LINES` of landmarks (68, 2), in a window's pixels: (h, w, 5) float32 in [0, 1]."""
    drawn = landmark_image(torch.from_numpy(landmarks.astype(np.float32))[None], height, width, "parts", LINE)
    return drawn[0, list(LINES.values())].permute(1, 2, 0).numpy()
