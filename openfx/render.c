#include "plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The frame that is being rendered. */
typedef struct {
    Instance *instance;
    OfxTime time;
    OfxRectI window;
    double scale[2];
    Image output, source, holdout;
} Job;

static int was_aborted(void *context, double fraction)
{
    Job *job = context;
    (void)fraction;
    return suites.effect->abort(job->instance->effect);
}

/* Copy the plate to the output: hosts show the output of a failed frame too, whatever is in it. */
static void copy_plate(Job *job)
{
    OfxRectI region = job->source.region;
    size_t stride = image_stride(&job->source, region);
    int is_alike = job->source.handle && job->source.pixel_bytes == job->output.pixel_bytes;
    unsigned char *row = is_alike ? malloc(stride) : NULL;
    if (!row) {
        image_write(&job->output, job->window, (OfxRectI){0, 0, 0, 0}, NULL, 0);
        return;
    }
    for (int y = job->window.y1; y < job->window.y2; y++) {
        OfxRectI line = {region.x1, y, region.x2, y + 1}, window = {job->window.x1, y, job->window.x2, y + 1};
        image_read(&job->source, line, row, stride);
        image_write(&job->output, window, line, row, stride);
    }
    free(row);
}

/* Write the request's members; returns 0, and the reason in `outcome`, if a value is wrong. */
static int write_request(Job *job, const Mapping *mapping, Text *members, Text *outcome)
{
    char number[40];
    char *space = value_text(job->instance, "source_colorspace", job->time);
    int is_right = values_write(job->instance, job->time, members, outcome);
    values_write_curves(job->instance, members);
    snprintf(number, sizeof number, ", \"frame\": %ld, ", value_frame(job->instance, job->time));
    text_add(members, number);
    if (space && *space) {
        text_add(members, "\"space\": ");
        text_quoted(members, space);
        text_add(members, ", ");
    }
    free(space);
    image_describe(members, mapping, &job->source, job->scale, &job->holdout);
    return is_right && !members->failed;
}

/* Have an engine that was taken render the frame. */
static Answer render_with(Job *job, Engine *engine, const Waiting *waiting, Text *outcome)
{
    Mapping *mapping = engine_mapping(engine);
    Text members = {0};
    OfxRectI region = job->source.region;
    size_t stride = image_stride(&job->source, region), picture = image_bytes(&job->source, region), matte = 0;
    if (job->holdout.handle)
        matte = image_bytes(&job->holdout, region);
    Answer answer = ANSWER_FAILED;
    if (mapping_need(mapping, picture + matte, outcome)) {
        image_read(&job->source, region, mapping->data, stride);
        if (matte)
            image_read(&job->holdout, region, mapping->data + picture, image_stride(&job->holdout, region));
        if (write_request(job, mapping, &members, outcome))
            answer = engine_ask(engine, "frame", members.data, waiting, outcome);
        if (answer == ANSWER_DONE)
            image_write(&job->output, job->window, region, mapping->data, stride);
    }
    text_free(&members);
    return answer;
}

static Answer render_frame(Job *job, Text *outcome)
{
    Waiting waiting = {was_aborted, job};
    Engine *engine = instance_engine(job->instance, job->time);
    Answer answer = engine ? engine_take(engine, &waiting, outcome) : ANSWER_FAILED;
    if (answer == ANSWER_DONE) {
        answer = render_with(job, engine, &waiting, outcome);
        engine_give(engine);
    }
    return answer;
}

/* Open the images; returns 0, and the reason in `outcome`, if one cannot be used. */
static int open_images(Job *job, Text *outcome)
{
    Instance *instance = job->instance;
    Image *source = &job->source, *output = &job->output, *holdout = &job->holdout;
    if (!image_open(instance->output, job->time, output, outcome))
        return 0;
    if (!image_open(instance->source, job->time, source, outcome))
        return 0;
    if (source->channels != 4 || source->pixel_bytes != output->pixel_bytes) {
        text_set(outcome, "plate and output are not both RGBA of one depth");
        return 0;
    }
    if (clip_is_connected(instance->holdout) && !image_open(instance->holdout, job->time, holdout, outcome))
        return 0;
    if (holdout->handle && strcmp(holdout->depth, source->depth)) {
        text_set(outcome, "plate and holdout are not of one depth");
        return 0;
    }
    return 1;
}

/* Tell whether nothing was analysed yet: then the output is the plate. */
static int is_unanalysed(const Instance *instance, OfxTime time)
{
    char *performance = value_text(instance, "performance", time);
    int plain = !performance || !*performance;
    free(performance);
    return plain;
}

/* Fill the output with the rendered frame, or with the plate; returns the action's status. */
static OfxStatus deliver(Job *job)
{
    Instance *instance = job->instance;
    Text outcome = {0};
    Answer answer = ANSWER_FAILED;
    int plain = is_unanalysed(instance, job->time);
    if (open_images(job, &outcome))
        answer = plain ? ANSWER_STOPPED : render_frame(job, &outcome);
    OfxStatus status = kOfxStatOK;
    if (answer != ANSWER_DONE && job->output.handle)
        copy_plate(job);
    if (answer == ANSWER_FAILED) {
        instance_say_of_frame(instance, reason_of(&outcome), job->time);
        if (!job->source.handle || strcmp(value_choice(instance, "on_error", job->time), "plate"))
            status = kOfxStatFailed;
    } else if (answer == ANSWER_DONE || plain) {
        instance_say_of_frame(instance, NULL, job->time);
    } else {
        status = kOfxStatFailed;
    }
    text_free(&outcome);
    return status;
}

OfxStatus render(OfxImageEffectHandle effect, OfxPropertySetHandle in)
{
    Job job = {0};
    int window[4];
    if (!(job.instance = instance_asked(effect, in, &job.time)) ||
        suites.property->propGetIntN(in, kOfxImageEffectPropRenderWindow, 4, window) ||
        suites.property->propGetDoubleN(in, kOfxImageEffectPropRenderScale, 2, job.scale))
        return kOfxStatErrBadHandle;
    job.window = (OfxRectI){window[0], window[1], window[2], window[3]};
    OfxStatus status = deliver(&job);
    image_close(&job.holdout);
    image_close(&job.source);
    image_close(&job.output);
    return status;
}

OfxStatus is_identity(OfxImageEffectHandle effect, OfxPropertySetHandle in, OfxPropertySetHandle out)
{
    OfxTime time = 0;
    const Instance *instance = instance_asked(effect, in, &time);
    if (!instance)
        return kOfxStatErrBadHandle;
    if (!is_unanalysed(instance, time))
        return kOfxStatReplyDefault;
    suites.property->propSetString(out, kOfxPropName, 0, "Source");
    suites.property->propSetDouble(out, kOfxPropTime, 0, time);
    return kOfxStatOK;
}

/* A face can be anywhere: every frame needs the whole picture of every clip. */
OfxStatus regions_of_interest(OfxImageEffectHandle effect, OfxPropertySetHandle in, OfxPropertySetHandle out)
{
    OfxTime time = 0;
    const Instance *instance = instance_asked(effect, in, &time);
    if (!instance)
        return kOfxStatErrBadHandle;
    const struct { const char *property; OfxImageClipHandle clip; } clips[] = {
        {"OfxImageClipPropRoI_Source", instance->source}, {"OfxImageClipPropRoI_Holdout", instance->holdout}};
    for (int i = 0; i < 2; i++) {
        OfxRectD whole;
        if (clip_is_connected(clips[i].clip) && !suites.effect->clipGetRegionOfDefinition(clips[i].clip, time, &whole))
            suites.property->propSetDoubleN(out, clips[i].property, 4, &whole.x1);
    }
    return kOfxStatOK;
}

/* The output differs from frame to frame even if the plate is a still. */
OfxStatus clip_preferences(OfxPropertySetHandle out)
{
    suites.property->propSetInt(out, kOfxImageEffectFrameVarying, 0, 1);
    return kOfxStatOK;
}
