"""What the plug-in tells a host of itself: contexts, clips, and every parameter as the table has it."""

import math

import numpy as np
import pytest

from ofx_reenact.openfx.parameters import GROUPS, parameters
from ofx_reenact.settings import describe
from openfx.effect import Effect
from openfx.host import FILTER, GENERAL, ActionFailed, Host, Status
from openfx.images import FILL

TYPES = {"number": "OfxParamTypeDouble", "choice": "OfxParamTypeChoice", "button": "OfxParamTypePushButton"}
MODES = {"file": "OfxParamStringIsFilePath", "folder": "OfxParamStringIsDirectoryPath"}
TABLE = {one.name: one for one in parameters()}
OPTIONS = {option["name"]: option for option in describe()["options"]}


@pytest.fixture(scope="module")
def described(library):
    host = Host(library)
    found = {context: host.describe(context) for context in (FILTER, GENERAL)}
    host.unload()
    assert not host.violations
    return found


def test_who_it_is(open_host):
    host = open_host()
    plugin, properties = host.plugin, host.whole().properties
    assert plugin.pluginIdentifier == b"org.ofx-reenact.Reenact"
    assert (plugin.pluginVersionMajor, plugin.pluginVersionMinor) == (1, 0)
    assert [properties[f"OfxProp{kind}Label"] for kind in ("", "Short", "Long")] == ["Reenact"] * 3
    assert properties["OfxImageEffectPluginPropGrouping"] == "Reenact" and properties["OfxPropPluginDescription"]


def test_what_it_takes(open_host):
    properties = open_host().whole().properties
    assert set(properties["OfxImageEffectPropSupportedContexts"]) == {FILTER, GENERAL}
    assert properties["OfxImageEffectPluginRenderThreadSafety"] == "OfxImageEffectRenderInstanceSafe"
    assert properties["OfxImageEffectPropSupportsMultiResolution"]
    for name in ("PropSupportsTiles", "PluginPropHostFrameThreading", "PropMultipleClipDepths"):
        assert not properties[f"OfxImageEffect{name}"], name
    assert "OfxBitDepthFloat" in properties["OfxImageEffectPropSupportedPixelDepths"]


@pytest.mark.parametrize(("offered", "taken"), [
    (("Float", "Half"), ["Float"]), (("Byte", "Half"), ["Float", "Half"]), ((), ["Float", "Half"]),
    (("Byte", "Short"), ["Float"]),
])  # fmt: skip
def test_half_is_taken_where_there_is_no_float(open_host, offered, taken):
    host = open_host(depths=tuple(f"OfxBitDepth{depth}" for depth in offered))
    found = host.whole().properties["OfxImageEffectPropSupportedPixelDepths"]
    assert found == [f"OfxBitDepth{depth}" for depth in taken]


def test_clips(described):
    assert list(described[FILTER].clips) == ["Source", "Output"]
    assert list(described[GENERAL].clips) == ["Source", "Output", "Driver", "Holdout"]
    clips = described[GENERAL].clips
    optional = [name for name, clip in clips.items() if clip["OfxImageClipPropOptional"]]
    assert optional == ["Driver", "Holdout"]
    assert [name for name, clip in clips.items() if clip["OfxImageClipPropIsMask"]] == ["Holdout"]
    for name, clip in clips.items():
        components = clip["OfxImageEffectPropSupportedComponents"]
        assert components == ["OfxImageComponentRGBA", *(["OfxImageComponentAlpha"] if name == "Holdout" else [])]
        assert not clip["OfxImageEffectPropSupportsTiles"]
    assert clips["Driver"]["OfxImageEffectPropTemporalClipAccess"]


@pytest.mark.parametrize("context", [FILTER, GENERAL])
def test_parameters_are_those_of_the_table(described, context):
    found = described[context].parameters.described
    groups = {group.name for group in GROUPS}
    pages = {name for name, one in found.items() if one["OfxParamPropType"] == "OfxParamTypePage"}
    assert [name for name in found if name not in groups | pages] == list(TABLE)
    assert len(pages) == 1 and groups < set(found)
    for group in GROUPS:
        assert found[group.name]["OfxParamPropType"] == "OfxParamTypeGroup"
        assert found[group.name]["OfxPropLabel"] == group.label
        assert bool(found[group.name]["OfxParamPropGroupOpen"]) == group.open
    page = found[pages.pop()]["OfxParamPropPageChild"]
    assert page == list(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_parameter(described, name):
    told, one = described[GENERAL].parameters.described[name], TABLE[name]
    assert told["OfxParamPropType"] == TYPES.get(one.kind, "OfxParamTypeString")
    assert (told["OfxPropLabel"], told["OfxParamPropHint"]) == (one.label, one.help)
    assert told["OfxParamPropParent"] == one.group
    if one.kind == "button":
        return
    assert bool(told["OfxParamPropAnimates"]) == one.animatable
    if one.kind == "number":
        assert told["OfxParamPropDefault"] == one.first
        ranges = {"Min": one.low, "Max": one.high, "DisplayMin": one.shown_low, "DisplayMax": one.shown_high}
        for label, value in ranges.items():
            found = told[f"OfxParamProp{label}"]
            assert found == value if math.isfinite(value) else abs(found) > 1e300, label
    elif one.kind == "choice":
        assert tuple(told["OfxParamPropChoiceOption"]) == one.choices
        assert told["OfxParamPropDefault"] == one.first
    else:
        assert told["OfxParamPropDefault"] == one.text
        assert told["OfxParamPropStringMode"] == MODES.get(one.kind, "OfxParamStringIsSingleLine")
        if one.kind in MODES:
            # A sequence's name is that of no file, and a file may be written yet.
            assert not told["OfxParamPropStringFilePathExists"]
    if name in OPTIONS:
        assert bool(told["OfxParamPropAnimates"]) == OPTIONS[name]["animatable"]


def test_what_the_last_button_did_is_not_typed(described):
    status = described[FILTER].parameters.described["status"]
    assert not status["OfxParamPropEnabled"]


def test_defaults_of_an_instance(open_host):
    instance = open_host().describe(GENERAL).create()
    for name, one in TABLE.items():
        if one.kind != "button":
            assert instance.get(name) == (one.first if one.kind in ("number", "choice") else one.text), name


def test_other_contexts_and_actions(open_host):
    host = open_host()
    with pytest.raises(ActionFailed) as failed:
        host.describe("OfxImageEffectContextTransition")
    assert failed.value.status is Status.UNSUPPORTED
    instance = host.describe(FILTER).create()
    assert instance.call("OfxActionOfAnotherTime") is Status.DEFAULT
    for name in ("PurgeCaches", "SyncPrivateData", "BeginInstanceEdit", "EndInstanceEdit"):
        assert instance.call(f"OfxAction{name}") in (Status.OK, Status.DEFAULT)


def test_loaded_and_described_again(open_host):
    for _ in range(3):
        host = open_host()
        assert len(host.describe(FILTER).parameters.described) > len(TABLE)
        host.unload()
        assert not host.is_loaded()


def test_hosts_that_load_and_describe_twice(open_host):
    """As MLT does, for each instance."""
    host = open_host()
    first = host.describe(FILTER)
    for _ in range(2):
        assert host.act("OfxActionLoad") is Status.OK
        again = Effect.begin(host, "again", {"OfxPropLabel": ""})
        assert host.act("OfxActionDescribe", again) is Status.OK
        inner = again.in_context(FILTER)
        assert host.act("OfxImageEffectActionDescribeInContext", inner, host.context(FILTER)) is Status.OK
        assert list(inner.parameters.described) == list(first.parameters.described)
        inner.end()
        again.end()


def test_unloaded_before_its_instances(open_host):
    """As MLT does; the instances go on."""
    host = open_host()
    instance = host.describe(FILTER).create(size=(8, 4))
    assert host.act("OfxActionUnload") is Status.OK
    assert host.act("OfxActionLoad") is Status.OK
    plain(instance)


@pytest.mark.parametrize("left_out", [
    "OfxMessageSuite 1", "OfxMessageSuite 2", "OfxProgressSuite 1", "OfxTimeLineSuite 1", "OfxMemorySuite 1",
    "OfxMultiThreadSuite 1",
])  # fmt: skip
def test_hosts_without_a_suite(open_host, left_out):
    plain(open_host(leaves_out=(left_out,)).describe(FILTER).create(size=(8, 4)))


@pytest.mark.parametrize("needed", ["OfxPropertySuite 1", "OfxImageEffectSuite 1", "OfxParameterSuite 1"])
def test_hosts_without_what_is_needed(open_host, needed):
    with pytest.raises(ActionFailed) as failed:
        open_host(leaves_out=(needed,)).whole()
    assert failed.value.status is Status.MISSING_FEATURE


def test_hosts_that_say_little(open_host):
    """Neither of the project nor of clips more than what a picture has; of an earlier version."""
    lacks = (
        "OfxPluginPropFilePath", "OfxImageEffectPropProjectSize", "OfxImageEffectPropProjectExtent",
        "OfxImageEffectPropFrameRate", "OfxImageEffectInstancePropEffectDuration", "OfxImageEffectPropFrameRange",
        "OfxImageEffectPropTemporalClipAccess", "OfxPropAPIVersion", "OfxImageEffectPropSupportedContexts",
    )  # fmt: skip
    plain(open_host(lacks=lacks, version=(1, 2)).describe(FILTER).create(size=(8, 4)))


def plain(instance) -> None:
    """See that an instance of which nothing is asked lets the plate through."""
    picture = np.random.default_rng(4).random((4, 8, 4), np.float32)
    instance.connect("Source", lambda time: picture)
    made = instance.render(2, identity=False)
    assert (made == picture).all() and FILL not in made
