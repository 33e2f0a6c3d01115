"""The portrait network, which reads a whole portrait from the dictionary."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ofx_reenact.fdgan.dictionary import ABLATIONS, Dictionary
from ofx_reenact.fdgan.landmark_image import landmark_image
from ofx_reenact.fdgan.network import Extractor, PassThrough, Translator, picture

# Side of the paper's portraits in pixels.
SIZE = 256


class PortraitNetwork(nn.Module):
    """Extractor and translator as in the paper."""

    def __init__(self, extractor: Extractor | PassThrough | None = None, translator: Translator | None = None) -> None:
        super().__init__()
        self.extractor, self.translator = extractor or Extractor(), translator or Translator()
        # Draws landmark images; trainings and painters replace it by a faster function.
        self.draw: Callable[..., Tensor] = landmark_image

    @classmethod
    def ablation(cls, name: str) -> PortraitNetwork:
        """Build the network, or an ablation of it: ``fdgan-1``, ``adain`` or ``pix2pixhd`` (paper Table 3).

        ``pix2pixhd`` has no dictionary. So that it knows the target at all, its translator gets the target's picture
        and landmark image beside the driving landmark image.
        """
        write, read = ABLATIONS[name]
        if read == "none":
            return cls(PassThrough(), Translator(inputs=9, read=read))
        return cls(Extractor(write=write), Translator(read=read))

    def write(self, pictures: Tensor, landmarks: Tensor) -> Dictionary:
        """Write dictionaries from R pictures each: (B, R, 3, s, s) in [-1, 1], landmarks (B, R, 68, 2) in pixels."""
        drawn = self.draw(landmarks.flatten(0, 1), *pictures.shape[-2:]).unflatten(0, pictures.shape[:2])
        return self.extractor(torch.cat([pictures, drawn.to(pictures.dtype)], dim=2))

    def forward(self, landmarks: Tensor, dictionary: Dictionary, size: int) -> Tensor:
        """Read portraits (B, 3, size, size) in [-1, 1] with landmarks (B, 68, 2) in pixels."""
        drawn = self.draw(landmarks, size, size)
        if isinstance(self.extractor, PassThrough):
            # The translator's readers then read nothing; the target's picture is an input beside the landmark image.
            (target,) = dictionary
            drawn, dictionary = torch.cat([drawn, target.to(drawn.dtype)], 1), dictionary * len(self.translator.reader)
        return picture(self.translator(drawn, dictionary))
