"""The paper's own numbers (arXiv 2004.12452, Tables 2 to 4), shown apart from ours."""

from __future__ import annotations

CAUTION = (
    "Measured on VoxCeleb with VGGFace2 (ISIM), OpenFace (PSIM, ED) and Inception-v3 (FID). Compare a number above "
    "with these only if it was made with the same network; even then people, crops and frames differ. The paper does "
    "not give ED's scale. Its tables disagree in places (ISIM of FD-GAN, self: 0.7984 and 0.63); they are quoted "
    "unchanged."
)

Row = tuple[str, ...]
TABLES: dict[str, tuple[Row, ...]] = {
    "Table 2: landmarks": (
        ("", "self ISIM", "self PSIM", "self ED", "cross ISIM", "cross PSIM", "cross ED"),
        ("the driver's landmarks (self: the truth's)", "0.7986", "0.9134", "0.1296", "0.7145", "0.8615", "0.2080"),
        ("LD-Net", "0.7984", "0.8950", "0.1655", "0.7726", "0.8398", "0.2430"),
    ),
    "Table 3: networks": (
        ("", "self ISIM", "self SSIM", "self FID", "cross ISIM", "cross FID"),
        ("Pix2PixHD", ".41", ".49", "98.36", ".514", "99.34"),
        ("AdaIN", ".51", ".56", "90.70", ".650", "86.69"),
        ("FD-GAN-1", ".49", ".56", "70.34", ".6232", "71.11"),
        ("FD-GAN", ".63", ".63", "55.19", ".7726", "67.68"),
    ),
    "Table 4: methods, cross": (
        ("", "ISIM", "PSIM", "ED", "FID"),
        ("X2Face", ".6347", ".302", ".448", "101.72"),
        ("X2Face, aligned", ".7855", ".7207", ".344", "62.14"),
        ("first-order model", ".7699", ".822", ".274", "55.94"),
        ("LD-Net and FD-GAN", ".7762", ".840", ".243", "67.68"),
    ),
}
