"""Colour space names of the Color Interop Forum, and the names of the same spaces in older ACES configs.

OpenImageIO gives the colour space of a file by the Forum's names, which configs from before OpenColorIO 2.5 may not
have.
"""

from __future__ import annotations

from ofx_reenact.frames.primaries import ADOBE_RGB, AP0, AP1, P3_D65, REC709, REC2020

# The Forum's name → the alias in ACES configs; empty if they have none.
OLD_NAMES = {
    "lin_ap1_scene": "lin_ap1", "lin_ap0_scene": "lin_ap0", "lin_rec709_scene": "lin_rec709",
    "lin_p3d65_scene": "lin_p3d65", "lin_rec2020_scene": "lin_rec2020", "lin_adobergb_scene": "lin_adobergb",
    "lin_ciexyzd65_scene": "cie_xyz_d65", "srgb_rec709_scene": "srgb_texture", "g24_rec709_scene": "g24_rec709",
    "g22_rec709_scene": "g22_rec709", "g18_rec709_scene": "g18_rec709", "srgb_ap1_scene": "srgb_ap1",
    "g22_ap1_scene": "g22_ap1", "srgb_p3d65_scene": "srgb_p3d65", "g22_adobergb_scene": "", "data": "",
    "srgb_rec709_display": "srgb_display", "g24_rec709_display": "rec1886_rec709_display",
    "srgb_p3d65_display": "displayp3_display", "srgbe_p3d65_display": "displayp3_hdr_display",
    "pq_p3d65_display": "st2084_p3d65_display", "pq_rec2020_display": "rec2100_pq_display",
    "hlg_rec2020_display": "rec2100_hlg_display", "g22_rec709_display": "", "g22_adobergb_display": "",
    "g26_p3d65_display": "p3d65_display", "g26_xyzd65_display": "", "pq_xyzd65_display": "",
    "ocio:lin_ciexyzd65_display": "cie_xyz_d65_display",
}  # fmt: skip
# The Forum's names of linear spaces → their primaries.
SHARED = {
    "lin_rec709_scene": REC709, "lin_ap1_scene": AP1, "lin_ap0_scene": AP0, "lin_p3d65_scene": P3_D65,
    "lin_rec2020_scene": REC2020, "lin_adobergb_scene": ADOBE_RGB,
}  # fmt: skip
# Chromaticities of an EXR whose channels R, G and B hold X, Y and Z.
XYZ = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1 / 3, 1 / 3)
