/* The button Analyse: have the engine store the frames of clips without a named file, then analyse both. */
#include "plugin.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Parameters that name files of an analysis, and names for these. A file that exists is read, else written. */
static const char *const ANALYSIS_FILES[][2] = {
    {"performance", "/performance.npz"},
    {"target_performance", "/target_performance.npz"},
    {"identity", "/identity.safetensors"},
    {"parts_file", "/parts.json"},
};
enum { FILE_COUNT = sizeof ANALYSIS_FILES / sizeof *ANALYSIS_FILES, REPLY_NO = kOfxStatReplyNo };
/* Longest clip in frames, since some hosts name ranges without an end; seconds between two updates of the host's
   progress bar, since some hosts draw it each time. */
static const double MAX_FRAMES = 100000, UPDATE_SECONDS = 0.2;

/* An analysis that runs. `plate` and `driver` are values for the parameters; empty to leave a parameter unchanged. */
typedef struct {
    Instance *instance;
    OfxTime time;
    Engine *engine;
    Waiting waiting;
    double begun, part;       /* fractions of the whole: where the running step begins, and its length */
    double last, last_update; /* the step's own fraction, and when the host's bar was updated */
    Text folder, plate, driver;
    Text outcome;
} Analysis;

static int show_progress(void *context, double fraction)
{
    Analysis *one = context;
    fraction = fraction > 0 ? fraction : 0;
    /* A smaller fraction: the engine tracks the second of driver and target now. Each gets half of the rest. */
    if (fraction < one->last) {
        one->part /= 2;
        one->begun += one->part;
    }
    one->last = fraction;
    if (!suites.progress || system_seconds() - one->last_update < UPDATE_SECONDS)
        return 0;
    one->last_update = system_seconds();
    return suites.progress->progressUpdate(one->instance->effect, one->begun + fraction * one->part / 2) == REPLY_NO;
}

static void add_path(Text *path, const Text *folder, const char *name)
{
    text_add(path, folder->data ? folder->data : "");
    text_add(path, name);
}

/* Tell whether a file's parameter is empty, or names the file that an analysis in the same folder has stored. */
static int is_to_store(const Analysis *one, const char *name, const Text *own)
{
    char *value = value_text(one->instance, name, one->time);
    int is_own = value && own->data && (!*value || !strcmp(value, own->data));
    free(value);
    return is_own;
}

/* Get a clip's first and last frame; returns 0, and the reason in `outcome`, if its frames cannot be fetched. */
static int range_of(Analysis *one, OfxImageClipHandle clip, double range[2])
{
    OfxPropertySetHandle properties;
    int may = 0;
    suites.property->propGetInt(suites.host->host, kOfxImageEffectPropTemporalClipAccess, 0, &may);
    if (!may) {
        text_set(&one->outcome, "This host hands over one frame at a time: name the files of target and driver.");
        return 0;
    }
    if (suites.effect->clipGetPropertySet(clip, &properties) ||
        suites.property->propGetDoubleN(properties, kOfxImageEffectPropFrameRange, 2, range) ||
        !(range[1] >= range[0]) || !(range[1] - range[0] < MAX_FRAMES)) {
        text_set(&one->outcome,
                 "The host does not say which frames the clip has: name the files of target and driver.");
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

/* Have the engine write a picture as a frame of a sequence. */
static Answer store(Analysis *one, OfxImageClipHandle clip, const Image *image, const Text *file, long frame)
{
    Mapping *mapping = engine_mapping(one->engine);
    OfxPropertySetHandle properties;
    Text members = {0};
    char number[40];
    if (!mapping_need(mapping, image_bytes(image, image->region), &one->outcome))
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
                                   : engine_ask(one->engine, "store", members.data, &one->waiting, &one->outcome);
    text_free(&members);
    return answer;
}

/* Store all frames of a clip; those of the plate under the plate's frame numbers. */
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
        if (!image_open(clip, time, &image, &one->outcome)) {
            char where[60];
            snprintf(where, sizeof where, " (time %.0f of the %s)", time, is_plate ? "plate" : "driver");
            text_add(&one->outcome, where);
            return ANSWER_FAILED;
        }
        one->begun = begun + (time - range[0]) * part;
        if (show_progress(one, 0))
            answer = ANSWER_STOPPED;
        else
            answer = store(one, clip, &image, file, frame);
        image_close(&image);
    }
    one->begun = begun + one->part;
    return answer;
}

/* Store the clips for which no file is named. */
static Answer store_clips(Analysis *one)
{
    const Instance *instance = one->instance;
    Answer answer = ANSWER_DONE;
    if (!is_to_store(one, "target", &one->plate))
        text_clear(&one->plate);
    if (!is_to_store(one, "driver", &one->driver))
        text_clear(&one->driver);
    if (one->driver.length && !clip_is_connected(instance->driver)) {
        text_set(&one->outcome, "Name the driver's file, or connect a clip to Driver.");
        return ANSWER_FAILED;
    }
    one->part = 0.25;
    if (one->plate.length)
        answer = store_clip(one, instance->source, &one->plate, 1);
    if (answer == ANSWER_DONE && one->driver.length)
        answer = store_clip(one, instance->driver, &one->driver, 0);
    return answer;
}

/* Set the empty parameters of the analysis files; returns these as bits, to be emptied again if the analysis fails. */
static unsigned int name_files(Analysis *one)
{
    unsigned int named = 0;
    for (unsigned int i = 0; i < FILE_COUNT; i++) {
        char *value = value_text(one->instance, ANALYSIS_FILES[i][0], one->time);
        if (value && !*value) {
            Text path = {0};
            add_path(&path, &one->folder, ANALYSIS_FILES[i][1]);
            value_set_text(one->instance, ANALYSIS_FILES[i][0], path.data ? path.data : "");
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
    if (values_write(one->instance, one->time, &members, &one->outcome))
        answer = engine_ask(one->engine, "analyse", members.data, &one->waiting, &one->outcome);
    text_free(&members);
    return answer;
}

/* Describe the analysis in the parameter Status; the changed text makes hosts render their frames again. */
static void show_status(const Analysis *one)
{
    char when[60], frames[100];
    time_t now = time(NULL);
    long long first = 0, last = 0;
    Text status = {0};
    char *held = json_text(one->outcome.data, "held");
    strftime(when, sizeof when, "Analysed %Y-%m-%d %H:%M:%S: ", localtime(&now));
    text_add(&status, when);
    if (json_whole(one->outcome.data, "first", &first) && json_whole(one->outcome.data, "last", &last)) {
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
    Answer answer = engine_take(one->engine, &one->waiting, &one->outcome);
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
        show_status(one);
        return;
    }
    for (unsigned int i = 0; i < FILE_COUNT; i++)
        if (named & 1u << i)
            value_set_text(instance, ANALYSIS_FILES[i][0], "");
    const char *outcome = answer == ANSWER_STOPPED ? "The analysis was cancelled." : reason_of(&one->outcome);
    value_set_text(instance, "status", outcome);
    if (answer == ANSWER_FAILED)
        instance_say(instance, outcome);
}

void analyse(Instance *instance, OfxTime time)
{
    Analysis one = {.instance = instance, .time = time, .engine = instance_engine(instance, time)};
    char *folder = value_text(instance, "folder", time);
    one.waiting = (Waiting){show_progress, &one};
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
    text_free(&one.outcome);
}
