/* The button Analyse: hand the clips' frames to the engine where no file is named, and have all of it analysed. */
#include "plugin.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Files of an analysis, each named by a parameter: read if it is there, else written. */
static const char *const KEPT[][2] = {
    {"performance", "/performance.npz"},
    {"target_performance", "/target_performance.npz"},
    {"identity", "/identity.safetensors"},
    {"parts_file", "/parts.json"},
};
enum { KEPT_COUNT = sizeof KEPT / sizeof *KEPT, REPLY_NO = kOfxStatReplyNo };
/* Frames of a clip that are handed over at most, since hosts name ranges without an end; seconds between two looks at
   the host's bar, which some draw each time. */
static const double MOST_FRAMES = 100000, BETWEEN = 0.2;

/* An analysis on its way; files are texts that the parameters get, empty for those that keep what they have. */
typedef struct {
    Instance *instance;
    OfxTime time;
    Engine *engine;
    Waiting waiting;
    double begun, part; /* shares of the whole: where the step begins that runs, and how much it is of it */
    double last, told;  /* the step's own share, and when the host was told */
    Text folder, plate, driver;
    Text said;
} Analysis;

static int show_share(void *context, double share)
{
    Analysis *one = context;
    share = share > 0 ? share : 0;
    /* Driver and target are tracked one after the other, who knows in which order: each gets half of what is left. */
    if (share < one->last) {
        one->part /= 2;
        one->begun += one->part;
    }
    one->last = share;
    if (!suites.progress || system_seconds() - one->told < BETWEEN)
        return 0;
    one->told = system_seconds();
    return suites.progress->progressUpdate(one->instance->effect, one->begun + share * one->part / 2) == REPLY_NO;
}

static void add_path(Text *path, const Text *folder, const char *name)
{
    text_add(path, folder->data ? folder->data : "");
    text_add(path, name);
}

/* Whether a file's parameter is empty, or names what an analysis in the same folder has stored. */
static int is_to_store(const Analysis *one, const char *name, const Text *own)
{
    char *value = value_text(one->instance, name, one->time);
    int is_own = value && own->data && (!*value || !strcmp(value, own->data));
    free(value);
    return is_own;
}

/* Where a clip begins and ends; returns 0, and why in `said`, where its frames are not to be had. */
static int range_of(Analysis *one, OfxImageClipHandle clip, double range[2])
{
    OfxPropertySetHandle properties;
    int may = 0;
    suites.property->propGetInt(suites.host->host, kOfxImageEffectPropTemporalClipAccess, 0, &may);
    if (!may) {
        text_set(&one->said, "This host hands over one frame at a time: name the files of target and driver.");
        return 0;
    }
    if (suites.effect->clipGetPropertySet(clip, &properties) ||
        suites.property->propGetDoubleN(properties, kOfxImageEffectPropFrameRange, 2, range) ||
        !(range[1] >= range[0]) || !(range[1] - range[0] < MOST_FRAMES)) {
        text_set(&one->said, "The host does not say which frames the clip has: name the files of target and driver.");
        return 0;
    }
    range[0] = ceil(range[0]);
    range[1] = fmax(floor(range[1]), range[0]);
    return 1;
}

static void write_number(Text *members, OfxPropertySetHandle properties, const char *property, const char *name)
{
    double value = 0;
    if (suites.property->propGetDouble(properties, property, 0, &value) || !(value > 0) || !isfinite(value))
        return;
    text_add(members, ", \"");
    text_add(members, name);
    text_add(members, "\": ");
    text_number(members, value);
}

/* Hand a picture to the engine, which writes it as a frame of a file. */
static Answer store(Analysis *one, OfxImageClipHandle clip, const Image *image, const Text *file, long frame)
{
    Mapping *mapping = engine_mapping(one->engine);
    OfxPropertySetHandle properties;
    Text members = {0};
    char number[40];
    if (!mapping_need(mapping, image_bytes(image, image->region), &one->said))
        return ANSWER_FAILED;
    image_read(image, image->region, mapping->data, image_stride(image, image->region));
    char *space = value_text(one->instance, "source_colorspace", one->time);
    text_add(&members, "\"file\": ");
    text_quoted(&members, file->data);
    snprintf(number, sizeof number, ", \"frame\": %ld, \"space\": ", frame);
    text_add(&members, number);
    text_quoted(&members, space ? space : "");
    free(space);
    write_number(&members, image->handle, kOfxImagePropPixelAspectRatio, "aspect");
    if (!suites.effect->clipGetPropertySet(clip, &properties))
        write_number(&members, properties, kOfxImageEffectPropFrameRate, "fps");
    text_add(&members, ", ");
    image_describe(&members, mapping, image, NULL, NULL);
    Answer answer = members.failed ? ANSWER_FAILED
                                   : engine_ask(one->engine, "store", members.data, &one->waiting, &one->said);
    text_free(&members);
    return answer;
}

/* Hand over all frames of a clip; those of the plate bear its numbers. */
static Answer store_clip(Analysis *one, OfxImageClipHandle clip, const Text *file, int is_plate)
{
    double range[2];
    Answer answer = ANSWER_DONE;
    long before = LONG_MIN;
    if (!range_of(one, clip, range))
        return ANSWER_FAILED;
    double begun = one->begun, part = one->part / (range[1] - range[0] + 1);
    for (double time = range[0]; answer == ANSWER_DONE && time <= range[1]; time++) {
        long frame = is_plate ? value_frame(one->instance, time) : lround(time);
        Image image;
        if (frame == before)
            continue;
        before = frame;
        if (!image_open(clip, time, &image, &one->said)) {
            char where[60];
            snprintf(where, sizeof where, " (time %.0f of the %s)", time, is_plate ? "plate" : "driver");
            text_add(&one->said, where);
            return ANSWER_FAILED;
        }
        one->begun = begun + (time - range[0]) * part;
        if (show_share(one, 0))
            answer = ANSWER_STOPPED;
        else
            answer = store(one, clip, &image, file, frame);
        image_close(&image);
    }
    one->begun = begun + one->part;
    return answer;
}

/* Store what has no file of its own. */
static Answer store_clips(Analysis *one)
{
    const Instance *instance = one->instance;
    Answer answer = ANSWER_DONE;
    if (!is_to_store(one, "target", &one->plate))
        text_clear(&one->plate);
    if (!is_to_store(one, "driver", &one->driver))
        text_clear(&one->driver);
    if (one->driver.length && !clip_is_connected(instance->driver)) {
        text_set(&one->said, "Name the driver's file, or connect a clip to Driver.");
        return ANSWER_FAILED;
    }
    one->part = 0.25;
    if (one->plate.length)
        answer = store_clip(one, instance->source, &one->plate, 1);
    if (answer == ANSWER_DONE && one->driver.length)
        answer = store_clip(one, instance->driver, &one->driver, 0);
    return answer;
}

/* Name the analysis' files where nothing does; returns which as bits, to be taken back if it fails. */
static unsigned int name_files(Analysis *one)
{
    unsigned int named = 0;
    for (unsigned int i = 0; i < KEPT_COUNT; i++) {
        char *value = value_text(one->instance, KEPT[i][0], one->time);
        if (value && !*value) {
            Text path = {0};
            add_path(&path, &one->folder, KEPT[i][1]);
            value_set_text(one->instance, KEPT[i][0], path.data ? path.data : "");
            text_free(&path);
            named |= 1u << i;
        }
        free(value);
    }
    return named;
}

static Answer track(Analysis *one)
{
    Text members = {0};
    Answer answer = ANSWER_FAILED;
    one->part = 1 - one->begun;
    if (values_write(one->instance, one->time, &members, &one->said))
        answer = engine_ask(one->engine, "analyse", members.data, &one->waiting, &one->said);
    text_free(&members);
    return answer;
}

/* Say in the panel what was done; a new text has hosts make their frames anew. */
static void tell(const Analysis *one)
{
    char when[60], frames[100];
    time_t now = time(NULL);
    long long first = 0, last = 0;
    Text status = {0};
    char *held = json_text(one->said.data, "held");
    strftime(when, sizeof when, "Analysed %Y-%m-%d %H:%M:%S: ", localtime(&now));
    text_add(&status, when);
    if (json_whole(one->said.data, "first", &first) && json_whole(one->said.data, "last", &last)) {
        snprintf(frames, sizeof frames, "driver's frames %lld to %lld", first, last);
        text_add(&status, frames);
    }
    if (held && *held) {
        text_add(&status, ", no face in ");
        text_add(&status, held);
    }
    value_set_text(one->instance, "status", status.data ? status.data : "");
    free(held);
    text_free(&status);
}

static void run(Analysis *one)
{
    Instance *instance = one->instance;
    Answer answer = engine_take(one->engine, &one->waiting, &one->said);
    unsigned int named = 0;
    if (answer == ANSWER_DONE) {
        answer = store_clips(one);
        if (answer == ANSWER_DONE) {
            value_set_text(instance, "folder", one->folder.data);
            if (one->plate.length)
                value_set_text(instance, "target", one->plate.data);
            if (one->driver.length)
                value_set_text(instance, "driver", one->driver.data);
            named = name_files(one);
            answer = track(one);
        }
        engine_give(one->engine);
    }
    if (answer == ANSWER_DONE) {
        tell(one);
        return;
    }
    for (unsigned int i = 0; i < KEPT_COUNT; i++)
        if (named & 1u << i)
            value_set_text(instance, KEPT[i][0], "");
    const char *said = answer == ANSWER_STOPPED ? "The analysis was cancelled." : reason_of(&one->said);
    value_set_text(instance, "status", said);
    if (answer == ANSWER_FAILED)
        instance_say(instance, said);
}

void analyse(Instance *instance, OfxTime time)
{
    Analysis one = {.instance = instance, .time = time, .engine = instance_engine(instance, time)};
    char *folder = value_text(instance, "folder", time);
    one.waiting = (Waiting){show_share, &one};
    if (folder && *folder)
        text_add(&one.folder, folder);
    else
        system_new_folder(&one.folder);
    free(folder);
    add_path(&one.plate, &one.folder, "/plate.####.exr");
    add_path(&one.driver, &one.folder, "/driver.####.exr");
    if (one.engine && !one.plate.failed && !one.driver.failed) {
        if (suites.progress)
            suites.progress->progressStart(instance->effect, "Reenact: analysis");
        run(&one);
        if (suites.progress)
            suites.progress->progressEnd(instance->effect);
    }
    text_free(&one.folder);
    text_free(&one.plate);
    text_free(&one.driver);
    text_free(&one.said);
}
