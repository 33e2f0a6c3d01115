"""The host finds what a plug-in does that the standard does not allow."""

import numpy as np
import pytest

from openfx.host import FILTER, ActionFailed, Host
from openfx.images import FILL, Layout, Memory

CRIMES = {
    "image kept": "does not release an image of Source",
    "written beside": "writes beside the pixels of the output",
    "written beyond": "writes beyond the window that is wanted",
    "source written": "writes into an image of the clip Source",
    "value without time": "reads amount without a time, which renders may not",
    "value set": "changes amount, which only InstanceChanged may",
    "progress left": "does not end progress of",
    "host written": "sets OfxPropTime of inArgs of OfxImageEffectActionRender, which is read only",
    "property unknown": "asks for OfxImageEffectPropFrameRate, which Image of Source has in no host",
    "silent failure": "fails and tells nobody why",
    "bad handle": "gives a handle of PropertySet Image of Output , where one of a Effect is wanted",
    "bad status": "answers 4711, which is no status",
    "later image": "fetches an image of Source at 6.0, where only now's may be had",
}


def make_instance(host: Host):
    instance = host.describe(FILTER).create(size=(6, 4))
    picture = np.random.default_rng(0).random((4, 6, 4), np.float32)
    instance.connect("Source", lambda time: picture)
    return instance


@pytest.mark.parametrize("crime", CRIMES)
def test_each_crime_is_found(crimes, crime):
    host = Host(crimes)
    instance = make_instance(host)
    instance.set("crime", crime)
    assert not host.violations
    try:
        instance.render(5, window=(1, 1, 5, 4))
    except ActionFailed:
        assert crime in ("silent failure", "bad status", "later image")
    assert len(host.violations) >= 1 and any(CRIMES[crime] in said for said in host.violations), host.violations
    host.unload()


def test_a_good_plug_in_is_not_accused(crimes):
    host = Host(crimes)
    instance = make_instance(host)
    assert (instance.render(5) == FILL).all()
    instance.key("amount", {1: 1, 11: 2})
    assert instance.parameters.parameters["amount"].at(6) == [1.5]
    saved = instance.save()
    other = host.describe(FILTER).create(saved, size=(6, 4))
    assert other.save() == saved and other.save()["amount"]["keys"] == [[1.0, [1.0]], [11.0, [2.0]]]
    host.unload()
    assert not host.violations and not host.is_loaded()


def test_a_text_is_garbage_after_the_next_call(crimes):
    host = Host(crimes)
    instance = make_instance(host)
    instance.set("crime", "text kept")
    assert instance.render(5)[-1, 0, 0] == 1
    host.unload()


@pytest.mark.parametrize("down", [False, True])
def test_an_image_lies_as_the_layout_says(down):
    pixels = np.arange(2 * 3 * 4, dtype=np.float32).reshape(2, 3, 4)
    memory = Memory(pixels, Layout(down=down, padding=8, lead=4))
    assert memory.row_bytes == (-56 if down else 56) and memory.is_whole() and memory.is_as_it_was()
    bottom = np.ctypeslib.as_array((np.ctypeslib.ctypes.c_float * 12).from_address(memory.data))
    top = np.ctypeslib.as_array((np.ctypeslib.ctypes.c_float * 12).from_address(memory.data + memory.row_bytes))
    assert (bottom == pixels[1].reshape(-1)).all() and (top == pixels[0].reshape(-1)).all()
    assert (memory.read() == pixels).all()
    memory.free()
