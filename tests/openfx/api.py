"""The public C API of OpenFX as ctypes: status codes, structures, the suites' functions in their order (openfx.org)."""

import ctypes
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_double, c_int, c_size_t, c_uint, c_void_p
from enum import IntEnum

PLUGIN_API, API_VERSION = b"OfxImageEffectPluginAPI", 1
FILTER, GENERAL = "OfxImageEffectContextFilter", "OfxImageEffectContextGeneral"


class Status(IntEnum):
    """What functions and actions answer."""

    OK = 0
    FAILED = 1
    FATAL = 2
    UNKNOWN = 3
    MISSING_FEATURE = 4
    UNSUPPORTED = 5
    EXISTS = 6
    FORMAT = 7
    MEMORY = 8
    BAD_HANDLE = 9
    BAD_INDEX = 10
    VALUE = 11
    YES = 12
    NO = 13
    DEFAULT = 14


class Host(ctypes.Structure):
    """What a plug-in is given to reach its host."""

    _fields_ = (("host", c_void_p), ("fetchSuite", CFUNCTYPE(c_void_p, c_void_p, c_char_p, c_int)))


class Plugin(ctypes.Structure):
    """What a library says of one of its plug-ins."""

    _fields_ = (
        ("pluginApi", c_char_p), ("apiVersion", c_int), ("pluginIdentifier", c_char_p),
        ("pluginVersionMajor", c_uint), ("pluginVersionMinor", c_uint),
        ("setHost", CFUNCTYPE(None, POINTER(Host))),
        ("mainEntry", CFUNCTYPE(c_int, c_char_p, c_void_p, c_void_p, c_void_p)),
    )  # fmt: skip


class Rectangle(ctypes.Structure):
    """A region in canonical coordinates: x1 <= x < x2."""

    _fields_ = tuple((name, c_double) for name in ("x1", "y1", "x2", "y2"))


class Range(ctypes.Structure):
    """Of times."""

    _fields_ = (("min", c_double), ("max", c_double))


# A function that takes any number of arguments is reached through variadic.c.
VARIADIC = c_void_p


def _function(*arguments, result=c_int):
    return CFUNCTYPE(result, *arguments)


def suite(name, **functions):
    """Declare a suite: a structure of pointers to functions."""
    return type(name, (ctypes.Structure,), {"_fields_": tuple(functions.items())})


# A property is set and got by one value and an index, or by several values at once.
KINDS = {"Pointer": c_void_p, "String": c_char_p, "Double": c_double, "Int": c_int}
# A text goes out as an address, so that this host decides how long it lives.
OUT = {**KINDS, "String": c_void_p}

PropertySuite = suite(
    "PropertySuite",
    **{f"propSet{kind}": _function(c_void_p, c_char_p, c_int, one) for kind, one in KINDS.items()},
    **{f"propSet{kind}N": _function(c_void_p, c_char_p, c_int, POINTER(one)) for kind, one in KINDS.items()},
    **{f"propGet{kind}": _function(c_void_p, c_char_p, c_int, POINTER(one)) for kind, one in OUT.items()},
    **{f"propGet{kind}N": _function(c_void_p, c_char_p, c_int, POINTER(one)) for kind, one in OUT.items()},
    propReset=_function(c_void_p, c_char_p),
    propGetDimension=_function(c_void_p, c_char_p, POINTER(c_int)),
)

ImageEffectSuite = suite(
    "ImageEffectSuite",
    getPropertySet=_function(c_void_p, POINTER(c_void_p)),
    getParamSet=_function(c_void_p, POINTER(c_void_p)),
    clipDefine=_function(c_void_p, c_char_p, POINTER(c_void_p)),
    clipGetHandle=_function(c_void_p, c_char_p, POINTER(c_void_p), POINTER(c_void_p)),
    clipGetPropertySet=_function(c_void_p, POINTER(c_void_p)),
    clipGetImage=_function(c_void_p, c_double, POINTER(Rectangle), POINTER(c_void_p)),
    clipReleaseImage=_function(c_void_p),
    clipGetRegionOfDefinition=_function(c_void_p, c_double, POINTER(Rectangle)),
    abort=_function(c_void_p),
    imageMemoryAlloc=_function(c_void_p, c_size_t, POINTER(c_void_p)),
    imageMemoryFree=_function(c_void_p),
    imageMemoryLock=_function(c_void_p, POINTER(c_void_p)),
    imageMemoryUnlock=_function(c_void_p),
)

ParameterSuite = suite(
    "ParameterSuite",
    paramDefine=_function(c_void_p, c_char_p, c_char_p, POINTER(c_void_p)),
    paramGetHandle=_function(c_void_p, c_char_p, POINTER(c_void_p), POINTER(c_void_p)),
    paramSetGetPropertySet=_function(c_void_p, POINTER(c_void_p)),
    paramGetPropertySet=_function(c_void_p, POINTER(c_void_p)),
    paramGetValue=VARIADIC,
    paramGetValueAtTime=VARIADIC,
    paramGetDerivative=VARIADIC,
    paramGetIntegral=VARIADIC,
    paramSetValue=VARIADIC,
    paramSetValueAtTime=VARIADIC,
    paramGetNumKeys=_function(c_void_p, POINTER(c_uint)),
    paramGetKeyTime=_function(c_void_p, c_uint, POINTER(c_double)),
    paramGetKeyIndex=_function(c_void_p, c_double, c_int, POINTER(c_int)),
    paramDeleteKey=_function(c_void_p, c_double),
    paramDeleteAllKeys=_function(c_void_p),
    paramCopy=_function(c_void_p, c_void_p, c_double, POINTER(Range)),
    paramEditBegin=_function(c_void_p, c_char_p),
    paramEditEnd=_function(c_void_p),
)

MemorySuite = suite(
    "MemorySuite",
    memoryAlloc=_function(c_void_p, c_size_t, POINTER(c_void_p)),
    memoryFree=_function(c_void_p),
)

MultiThreadSuite = suite(
    "MultiThreadSuite",
    multiThread=_function(c_void_p, c_uint, c_void_p),
    multiThreadNumCPUs=_function(POINTER(c_uint)),
    multiThreadIndex=_function(POINTER(c_uint)),
    multiThreadIsSpawnedThread=_function(),
    mutexCreate=_function(POINTER(c_void_p), c_int),
    mutexDestroy=_function(c_void_p),
    mutexLock=_function(c_void_p),
    mutexUnLock=_function(c_void_p),
    mutexTryLock=_function(c_void_p),
)
ThreadFunction = CFUNCTYPE(None, c_uint, c_uint, c_void_p)

# Version 2 begins as version 1 does, so that one structure serves both.
MessageSuite = suite(
    "MessageSuite",
    message=VARIADIC,
    setPersistentMessage=VARIADIC,
    clearPersistentMessage=_function(c_void_p),
)

ProgressSuite = suite(
    "ProgressSuite",
    progressStart=_function(c_void_p, c_char_p),
    progressUpdate=_function(c_void_p, c_double),
    progressEnd=_function(c_void_p),
)

TimeLineSuite = suite(
    "TimeLineSuite",
    getTime=_function(c_void_p, POINTER(c_double)),
    gotoTime=_function(c_void_p, c_double),
    getTimeBounds=_function(c_void_p, POINTER(c_double), POINTER(c_double)),
)
