"""The suites of a host beside properties and parameters: images, memory, threads, messages, progress, the timeline."""

from __future__ import annotations

import ctypes
import math
import os
import threading
from collections.abc import Mapping
from typing import Any

from openfx import api
from openfx.api import Status, ThreadFunction
from openfx.effect import Effect, Instance
from openfx.handles import Handled, Record, Refused, current, doing, find, put, running, text_of
from openfx.images import Clip, Image
from openfx.properties import DESCRIBING, PropertySet, filled
from openfx.tables import CLIP_DESCRIPTOR

_IMAGES = frozenset(("OfxImageEffectActionRender", "OfxActionInstanceChanged"))
_DESCRIBING = frozenset(("OfxActionDescribe", "OfxImageEffectActionDescribeInContext"))
_LABELS = ("OfxPropName", "OfxPropLabel", "OfxPropShortLabel", "OfxPropLongLabel")


def describe_clip(record: Record, name: str) -> PropertySet:
    """Return the properties of a clip that a plug-in begins to describe."""
    values = {
        **dict.fromkeys(_LABELS, name), "OfxPropType": "OfxTypeClip", "OfxImageEffectPropSupportedComponents": [],
        "OfxImageClipPropFieldExtraction": "OfxFieldDoubled", "OfxImageEffectPropSupportsTiles": 1,
    }  # fmt: skip
    return PropertySet(record, f"clip {name}", CLIP_DESCRIPTOR, values, DESCRIBING)


class Block(Handled):
    """Memory that a plug-in asked for."""

    def __init__(self, record: Record, size: int) -> None:
        super().__init__(record, f"of {size} bytes")
        self.memory, self.locks = ctypes.create_string_buffer(size + 32), 0

    @property
    def aligned(self) -> int:
        """Where it begins: at a multiple of 16 bytes."""
        return -(-ctypes.addressof(self.memory) // 16) * 16


class Mutex(Handled):
    """A lock that one thread may take several times."""

    def __init__(self, record: Record) -> None:
        super().__init__(record, "of a plug-in")
        self.lock = threading.RLock()


def image_effect_suite(record: Record, host_is_temporal: bool) -> api.ImageEffectSuite:
    """Make the suite of effects, clips and images."""
    def effect(handle: int) -> Effect:
        return find(handle, Effect, record)

    def instance(handle: int) -> Instance:
        return find(handle, Instance, record)

    def get_property_set(handle: int, place: Any) -> int:
        put(place, effect(handle).properties.handle)
        return Status.OK

    def get_param_set(handle: int, place: Any) -> int:
        put(place, effect(handle).parameters.handle)
        return Status.OK

    def clip_define(handle: int, name: bytes, place: Any) -> int:
        described, label, action = effect(handle), text_of(name), current()
        if not action or action.name != "OfxImageEffectActionDescribeInContext":
            raise Refused(Status.FAILED, f"defines the clip {label} outside of describing in a context")
        if label in described.clips:
            raise Refused(Status.EXISTS, f"defines the clip {label} twice")
        described.clips[label] = describe_clip(record, label)
        if place:
            put(place, described.clips[label].handle)
        return Status.OK

    def clip_get_handle(handle: int, name: bytes, place: Any, properties: Any) -> int:
        action, label = current(), text_of(name)
        if action and action.name in _DESCRIBING:
            raise Refused(Status.FAILED, f"asks for the clip {label} while it describes")
        found = instance(handle).inputs.get(label)
        if found is None:
            raise Refused(Status.UNKNOWN, f"asks for the clip {label}, which it has not defined")
        put(place, found.handle)
        if properties:
            put(properties, found.properties.handle)
        return Status.OK

    def clip_get_property_set(handle: int, place: Any) -> int:
        put(place, find(handle, Clip, record).properties.handle)
        return Status.OK

    def clip_get_image(handle: int, time: float, region: Any, place: Any) -> int:
        clip, action = find(handle, Clip, record), current()
        if not action or action.name not in _IMAGES:
            raise Refused(Status.FAILED, f"fetches an image of {clip.name}, which only renders and changes may")
        if not math.isfinite(time):
            raise Refused(Status.VALUE, f"fetches an image of {clip.name} at {time}")
        asked = clip.properties.get("OfxImageEffectPropTemporalClipAccess", 1)
        if time != action.time and not (host_is_temporal and asked):
            raise Refused(Status.FAILED, f"fetches an image of {clip.name} at {time}, where only now's may be had")
        image = action.subject.fetch(clip, time, action)
        if image is None:
            return Status.FAILED
        put(place, image.properties.handle)
        action.images.append(image)
        return Status.OK

    def clip_release_image(handle: int) -> int:
        image: Image | None = getattr(find(handle, PropertySet, record), "image", None)
        holder = next((action for action in reversed(running()) if image in action.images), None)
        if image is None or holder is None:
            raise Refused(Status.BAD_HANDLE, "releases an image that it did not fetch in this action")
        holder.images.remove(image)
        image.clip.owner.release(image)
        return Status.OK

    def get_region(handle: int, time: float, place: Any) -> int:
        clip = find(handle, Clip, record)
        if not place:
            raise Refused(Status.VALUE, "gives no place for a region")
        if not clip.source and clip.name != "Output":
            return Status.FAILED
        place[0].x1, place[0].y1, place[0].x2, place[0].y2 = clip.region()
        return Status.OK

    def abort(handle: int) -> int:
        return int(instance(handle).is_aborted())

    def memory_alloc(handle: int, size: int, place: Any) -> int:
        if handle:
            effect(handle)
        return _allocate(record, size, place, by_handle=True)

    def memory_free(handle: int) -> int:
        block = find(handle, Block, record)
        del record.blocks[block.aligned]
        block.end()
        return Status.OK

    def memory_lock(handle: int, place: Any) -> int:
        block = find(handle, Block, record)
        block.locks += 1
        put(place, block.aligned)
        return Status.OK

    def memory_unlock(handle: int) -> int:
        block = find(handle, Block, record)
        block.locks = max(0, block.locks - 1)
        return Status.OK

    functions = {
        "getPropertySet": get_property_set, "getParamSet": get_param_set, "clipDefine": clip_define,
        "clipGetHandle": clip_get_handle, "clipGetPropertySet": clip_get_property_set, "clipGetImage": clip_get_image,
        "clipReleaseImage": clip_release_image, "clipGetRegionOfDefinition": get_region, "abort": abort,
        "imageMemoryAlloc": memory_alloc, "imageMemoryFree": memory_free, "imageMemoryLock": memory_lock,
        "imageMemoryUnlock": memory_unlock,
    }  # fmt: skip
    return filled(api.ImageEffectSuite, record, functions)


def _allocate(record: Record, size: int, place: Any, *, by_handle: bool) -> int:
    try:
        block = Block(record, size)
    except (MemoryError, OverflowError, ValueError):
        put(place, None)
        return Status.MEMORY
    record.blocks[block.aligned] = block
    put(place, block.handle if by_handle else block.aligned)
    return Status.OK


def memory_suite(record: Record) -> api.MemorySuite:
    """Make the suite of plain memory."""

    def alloc(handle: int, size: int, place: Any) -> int:
        return _allocate(record, size, place, by_handle=False)

    def free(data: int) -> int:
        block = record.blocks.pop(data or 0, None)
        if block is None:
            raise Refused(Status.BAD_HANDLE, "frees memory that it did not get")
        block.end()
        return Status.OK

    return filled(api.MemorySuite, record, {"memoryAlloc": alloc, "memoryFree": free})


def multi_thread_suite(record: Record) -> api.MultiThreadSuite:
    """Make the suite of threads and locks."""
    spawned = threading.local()

    def multi_thread(function: int, count: int, argument: int) -> int:
        if getattr(spawned, "index", None) is not None:
            raise Refused(Status.EXISTS, "starts threads from a thread that it started")
        call, actions = ThreadFunction(function), running()
        threads = min(count, os.cpu_count() or 1)

        def work(index: int) -> None:
            spawned.index = index
            with doing(*actions):
                call(index, threads, argument)

        workers = [threading.Thread(target=work, args=(index,)) for index in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return Status.OK

    def number_of_cpus(place: Any) -> int:
        put(place, os.cpu_count() or 1)
        return Status.OK

    def index(place: Any) -> int:
        put(place, getattr(spawned, "index", None) or 0)
        return Status.OK

    def is_spawned() -> int:
        return int(getattr(spawned, "index", None) is not None)

    def create(place: Any, locks: int) -> int:
        mutex = Mutex(record)
        for _ in range(locks):
            mutex.lock.acquire()
        record.mutexes.add(mutex)
        put(place, mutex.handle)
        return Status.OK

    def destroy(handle: int) -> int:
        mutex = find(handle, Mutex, record)
        record.mutexes.remove(mutex)
        mutex.end()
        return Status.OK

    def lock(handle: int) -> int:
        find(handle, Mutex, record).lock.acquire()
        return Status.OK

    def unlock(handle: int) -> int:
        try:
            find(handle, Mutex, record).lock.release()
        except RuntimeError as error:
            raise Refused(Status.FAILED, "unlocks a lock that it does not hold") from error
        return Status.OK

    def try_lock(handle: int) -> int:
        return Status.OK if find(handle, Mutex, record).lock.acquire(blocking=False) else Status.FAILED

    functions = {
        "multiThread": multi_thread, "multiThreadNumCPUs": number_of_cpus, "multiThreadIndex": index,
        "multiThreadIsSpawnedThread": is_spawned, "mutexCreate": create, "mutexDestroy": destroy, "mutexLock": lock,
        "mutexUnLock": unlock, "mutexTryLock": try_lock,
    }  # fmt: skip
    return filled(api.MultiThreadSuite, record, functions)


def message_suite(record: Record, variadic: Mapping[str, int]) -> api.MessageSuite:
    """Make the suite of messages."""

    def clear(handle: int) -> int:
        record.standing.pop(find(handle, Effect, record), None)
        return Status.OK

    raw = {name: variadic[name] for name in ("message", "setPersistentMessage")}
    return filled(api.MessageSuite, record, {"clearPersistentMessage": clear}, **raw)


def progress_suite(record: Record) -> api.ProgressSuite:
    """Make the suite that shows how far a plug-in is, and lets the user end what it does."""
    def start(handle: int, label: bytes) -> int:
        shown, action = find(handle, Instance, record), current()
        if shown.shows_progress or not action:
            raise Refused(Status.FAILED, "starts a progress where one is shown")
        text_of(label).encode("utf-8")
        shown.shows_progress = True
        action.open.append(f"progress of {shown}")
        return Status.OK

    def update(handle: int, amount: float) -> int:
        shown = find(handle, Instance, record)
        if not shown.shows_progress or not 0 <= amount <= 1:
            raise Refused(Status.FAILED, f"says {amount} of a progress, shown or not: {shown.shows_progress}")
        shown.progress.append(amount)
        return Status.NO if shown.is_cancelled() else Status.OK

    def end(handle: int) -> int:
        shown = find(handle, Instance, record)
        if not shown.shows_progress:
            raise Refused(Status.BAD_HANDLE, "ends a progress that is not shown")
        shown.shows_progress = False
        for action in running():
            action.open = [one for one in action.open if one != f"progress of {shown}"]
        return Status.OK

    functions = {"progressStart": start, "progressUpdate": update, "progressEnd": end}
    return filled(api.ProgressSuite, record, functions)


def timeline_suite(record: Record) -> api.TimeLineSuite:
    """Make the suite of the timeline."""
    def get_time(handle: int, place: Any) -> int:
        put(place, find(handle, Instance, record).time)
        return Status.OK

    def go_to(handle: int, time: float) -> int:
        shown = find(handle, Instance, record)
        if not math.isfinite(time):
            raise Refused(Status.VALUE, f"goes to the time {time}")
        shown.time = time
        return Status.OK

    def get_bounds(handle: int, first: Any, last: Any) -> int:
        shown = find(handle, Instance, record)
        put(first, float(shown.frames[0]))
        put(last, float(shown.frames[1]))
        return Status.OK

    return filled(api.TimeLineSuite, record, {"getTime": get_time, "gotoTime": go_to, "getTimeBounds": get_bounds})
