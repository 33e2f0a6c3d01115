"""Which properties the standard gives to which object, of which type and size, and who writes them (openfx.org).

A line: name, type (i, d, s or p), size (``*`` is any), and letters: ``w`` the plug-in may set it while it describes,
``W`` on instances, too, ``5`` it came with version 1.5 of the API.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Definition:
    """A property; ``size`` 0 is any number of values."""

    type: str
    size: int
    describes: bool = False
    lives: bool = False
    late: bool = False


Table = dict[str, Definition]
KINDS = {"i": "Int", "d": "Double", "s": "String", "p": "Pointer"}


def table(text: str, *others: Table) -> Table:
    """Read lines; other tables come first."""
    found: Table = {}
    for other in others:
        found |= other
    for line in text.split("\n"):
        if words := line.split():
            name, kind, size, *letters = words
            flags = letters[0] if letters else ""
            found[name] = Definition(
                KINDS[kind], 0 if size == "*" else int(size), "w" in flags or "W" in flags, "W" in flags, "5" in flags
            )
    return found


_LABELS = """
    OfxPropLabel s 1 w
    OfxPropShortLabel s 1 w
    OfxPropLongLabel s 1 w
"""
HOST = table("""
    OfxPropAPIVersion i *
    OfxPropType s 1
    OfxPropName s 1
    OfxPropLabel s 1
    OfxPropVersion i *
    OfxPropVersionLabel s 1
    OfxImageEffectHostPropIsBackground i 1
    OfxImageEffectPropSupportsOverlays i 1
    OfxImageEffectPropSupportsMultiResolution i 1
    OfxImageEffectPropSupportsTiles i 1
    OfxImageEffectPropTemporalClipAccess i 1
    OfxImageEffectPropSupportedComponents s *
    OfxImageEffectPropSupportedContexts s *
    OfxImageEffectPropSupportedPixelDepths s *
    OfxImageEffectPropMultipleClipDepths i 1
    OfxImageEffectPropOpenCLSupported s 1 5
    OfxImageEffectPropSupportsMultipleClipPARs i 1
    OfxImageEffectPropSetableFrameRate i 1
    OfxImageEffectPropSetableFielding i 1
    OfxParamHostPropSupportsCustomInteract i 1
    OfxParamHostPropSupportsStringAnimation i 1
    OfxParamHostPropSupportsChoiceAnimation i 1
    OfxParamHostPropSupportsBooleanAnimation i 1
    OfxParamHostPropSupportsCustomAnimation i 1
    OfxParamHostPropSupportsStrChoice i 1 5
    OfxParamHostPropSupportsStrChoiceAnimation i 1 5
    OfxParamHostPropMaxParameters i 1
    OfxParamHostPropMaxPages i 1
    OfxParamHostPropPageRowColumnCount i 2
    OfxPropHostOSHandle p 1
    OfxParamHostPropSupportsParametricAnimation i 1
    OfxImageEffectInstancePropSequentialRender i 1
    OfxImageEffectPropOpenGLRenderSupported s 1
    OfxImageEffectPropCPURenderSupported s 1 5
    OfxImageEffectPropRenderQualityDraft i 1
    OfxImageEffectHostPropNativeOrigin s 1
    OfxImageEffectPropColourManagementAvailableConfigs s * 5
    OfxImageEffectPropColourManagementStyle s 1 5
""")
DESCRIPTOR = table(_LABELS + """
    OfxPropType s 1
    OfxPropVersion i * w
    OfxPropVersionLabel s 1 w
    OfxPropPluginDescription s 1 w
    OfxImageEffectPropSupportedContexts s * w
    OfxImageEffectPluginPropGrouping s 1 w
    OfxImageEffectPluginPropObsolete i 1 w5
    OfxImageEffectPluginPropSingleInstance i 1 w
    OfxImageEffectPluginRenderThreadSafety s 1 w
    OfxImageEffectPluginPropHostFrameThreading i 1 w
    OfxImageEffectPluginPropOverlayInteractV1 p 1 w
    OfxImageEffectPluginPropOverlayInteractV2 p 1 w5
    OfxImageEffectPropSupportsMultiResolution i 1 w
    OfxImageEffectPropSupportsTiles i 1 w
    OfxImageEffectPropTemporalClipAccess i 1 w
    OfxImageEffectPropSupportedPixelDepths s * w
    OfxImageEffectPluginPropFieldRenderTwiceAlways i 1 w
    OfxImageEffectPropMultipleClipDepths i 1 w
    OfxImageEffectPropSupportsMultipleClipPARs i 1 w
    OfxImageEffectPropClipPreferencesSlaveParam s * w
    OfxImageEffectPropOpenGLRenderSupported s 1 w
    OfxImageEffectPropOpenCLSupported s 1 w5
    OfxImageEffectPropCPURenderSupported s 1 w5
    OfxImageEffectPropColourManagementAvailableConfigs s * w5
    OfxImageEffectPropColourManagementStyle s 1 w5
    OfxImageEffectPropNoSpatialAwareness s 1 w5
    OfxPluginPropFilePath s 1
    OfxPluginPropParamPageOrder s * w
    OfxPropParamSetNeedsSyncing i 1 w
""")
INSTANCE = table("""
    OfxPropType s 1
    OfxImageEffectPropContext s 1
    OfxPropInstanceData p 1 W
    OfxImageEffectPropProjectSize d 2
    OfxImageEffectPropProjectOffset d 2
    OfxImageEffectPropProjectExtent d 2
    OfxImageEffectPropPixelAspectRatio d 1
    OfxImageEffectInstancePropEffectDuration d 1
    OfxImageEffectInstancePropSequentialRender i 1 W
    OfxImageEffectPropSupportsTiles i 1 W
    OfxImageEffectPropOpenGLRenderSupported s 1 W
    OfxImageEffectPropFrameRate d 1
    OfxPropIsInteractive i 1
    OfxImageEffectPropPluginHandle p 1
    OfxPropParamSetNeedsSyncing i 1 W
    OfxImageEffectPropOCIOConfig s 1 5
    OfxImageEffectPropOCIODisplay s 1 5
    OfxImageEffectPropOCIOView s 1 5
    OfxImageEffectPropColourManagementConfig s 1 5
    OfxImageEffectPropColourManagementStyle s 1 5
    OfxImageEffectPropDisplayColourspace s 1 5
""")
CLIP_DESCRIPTOR = table(_LABELS + """
    OfxPropType s 1
    OfxPropName s 1
    OfxImageEffectPropSupportedComponents s * w
    OfxImageEffectPropTemporalClipAccess i 1 w
    OfxImageClipPropOptional i 1 w
    OfxImageClipPropFieldExtraction s 1 w
    OfxImageClipPropIsMask i 1 w
    OfxImageEffectPropSupportsTiles i 1 w
""")
CLIP = table("""
    OfxImageEffectPropPixelDepth s 1
    OfxImageEffectPropComponents s 1
    OfxImageClipPropUnmappedPixelDepth s 1
    OfxImageClipPropUnmappedComponents s 1
    OfxImageEffectPropPreMultiplication s 1
    OfxImagePropPixelAspectRatio d 1
    OfxImageEffectPropFrameRate d 1
    OfxImageEffectPropFrameRange d 2
    OfxImageClipPropFieldOrder s 1
    OfxImageClipPropConnected i 1
    OfxImageEffectPropUnmappedFrameRange d 2
    OfxImageEffectPropUnmappedFrameRate d 1
    OfxImageClipPropContinuousSamples i 1
    OfxImageClipPropColourspace s 1 5
    OfxImageClipPropPreferredColourspaces s * 5
""", CLIP_DESCRIPTOR)  # fmt: skip
IMAGE = table("""
    OfxPropType s 1
    OfxImageEffectPropPixelDepth s 1
    OfxImageEffectPropComponents s 1
    OfxImageEffectPropPreMultiplication s 1
    OfxImageEffectPropRenderScale d 2
    OfxImagePropPixelAspectRatio d 1
    OfxImagePropData p 1
    OfxImagePropBounds i 4
    OfxImagePropRegionOfDefinition i 4
    OfxImagePropRowBytes i 1
    OfxImagePropField s 1
    OfxImagePropUniqueIdentifier s 1
""")
_PARAMETER = table("""
    OfxPropType s 1
    OfxPropName s 1
    OfxPropLabel s 1 W
    OfxPropShortLabel s 1 W
    OfxPropLongLabel s 1 W
    OfxParamPropType s 1
    OfxParamPropSecret i 1 W
    OfxParamPropHint s 1 W
    OfxParamPropScriptName s 1 w
    OfxParamPropParent s 1 w
    OfxParamPropEnabled i 1 W
    OfxParamPropDataPtr p 1 W
    OfxPropIcon s 2 w
""")
_SHOWN = table("""
    OfxParamPropInteractV1 p 1 w
    OfxParamPropInteractSize d 2 w
    OfxParamPropInteractSizeAspect d 1 w
    OfxParamPropInteractMinimumSize d 2 w
    OfxParamPropInteractPreferedSize i 2 w
    OfxParamPropHasHostOverlayHandle i 1
    kOfxParamPropUseHostOverlayHandle i 1 w
""", _PARAMETER)  # fmt: skip
_VALUE = table("""
    OfxParamPropAnimates i 1 w
    OfxParamPropIsAnimating i 1
    OfxParamPropIsAutoKeying i 1
    OfxParamPropPersistant i 1 w
    OfxParamPropEvaluateOnChange i 1 W
    OfxParamPropPluginMayWrite i 1 w
    OfxParamPropCacheInvalidation s 1 w
    OfxParamPropCanUndo i 1 w
""", _SHOWN)  # fmt: skip
_TYPED = """
    OfxParamPropDefault {0} {1} w
"""
_RANGED = """
    OfxParamPropMin {0} {1} W
    OfxParamPropMax {0} {1} W
    OfxParamPropDisplayMin {0} {1} W
    OfxParamPropDisplayMax {0} {1} W
"""
_DOUBLE = """
    OfxParamPropIncrement d 1 W
    OfxParamPropDigits i 1 W
    OfxParamPropDoubleType s 1 w
    OfxParamPropDefaultCoordinateSystem s 1 w
    OfxParamInterpType s 1 w
"""
_CHOICE = """
    OfxParamPropChoiceOption s * W
"""


def _numbers(kind: str, size: int, more: str = "") -> Table:
    return table((_TYPED + _RANGED).format(kind, size) + more, _VALUE)


# By a parameter's type: how many values it has, and its properties.
PARAMETERS: dict[str, tuple[int, Table]] = {
    "OfxParamTypeInteger": (1, _numbers("i", 1, "OfxParamInterpType s 1 w")),
    "OfxParamTypeInteger2D": (2, _numbers("i", 2, "OfxParamPropDimensionLabel s 2 w")),
    "OfxParamTypeInteger3D": (3, _numbers("i", 3, "OfxParamPropDimensionLabel s 3 w")),
    "OfxParamTypeDouble": (1, _numbers("d", 1, _DOUBLE + "OfxParamPropShowTimeMarker i 1 W")),
    "OfxParamTypeDouble2D": (2, _numbers("d", 2, _DOUBLE + "OfxParamPropDimensionLabel s 2 w")),
    "OfxParamTypeDouble3D": (3, _numbers("d", 3, _DOUBLE + "OfxParamPropDimensionLabel s 3 w")),
    "OfxParamTypeRGB": (3, _numbers("d", 3)),
    "OfxParamTypeRGBA": (4, _numbers("d", 4)),
    "OfxParamTypeBoolean": (1, table(_TYPED.format("i", 1), _VALUE)),
    "OfxParamTypeChoice": (1, table(_TYPED.format("i", 1) + _CHOICE + "OfxParamPropChoiceOrder i * W5", _VALUE)),
    "OfxParamTypeStrChoice": (1, table(_TYPED.format("s", 1) + _CHOICE + "OfxParamPropChoiceEnum s * W5", _VALUE)),
    "OfxParamTypeString": (
        1,
        table(
            _TYPED.format("s", 1) + "OfxParamPropStringMode s 1 w\nOfxParamPropStringFilePathExists i 1 w", _VALUE
        ),
    ),
    "OfxParamTypeCustom": (1, table(_TYPED.format("s", 1) + "OfxParamPropCustomCallbackV1 p 1 w", _VALUE)),
    "OfxParamTypePushButton": (0, _SHOWN),
    "OfxParamTypeGroup": (0, table("OfxParamPropGroupOpen i 1 w", _PARAMETER)),
    "OfxParamTypePage": (0, table("OfxParamPropPageChild s * w", _PARAMETER)),
}  # fmt: skip
