/* What the plug-in's files share: the host's suites, an instance, its values, its images. */
#ifndef REENACT_PLUGIN_H
#define REENACT_PLUGIN_H

#include "engine.h"
#include "ofx_api.h"
#include "parameters.h"
#include "text.h"

/* The host's; message and progress may be NULL. */
typedef struct {
    OfxHost *host;
    const OfxPropertySuiteV1 *property;
    const OfxImageEffectSuiteV1 *effect;
    const OfxParameterSuiteV1 *parameter;
    const OfxMessageSuiteV2 *message;
    const OfxProgressSuiteV1 *progress;
    int keeps_messages; /* whether the message suite is of version 2 */
    char *bundle;       /* the folder of the plug-in's bundle; NULL where that cannot be told */
} Suites;
extern Suites suites;

typedef struct {
    OfxImageEffectHandle effect;
    OfxImageClipHandle source, output, driver, holdout; /* the last two are NULL in the context Filter */
    OfxParamHandle *parameters;                         /* in the order of the table */
    Text failure;                                       /* what the last frame that failed said */
} Instance;

/* host.c: whether a property is a text. The host's own text lasts until the host is asked for anything else. */
int property_is(OfxPropertySetHandle properties, const char *name, const char *text);

/* describe.c: the table of parameters, and what the host is told of the effect. */
int parameter_count(void);
const Parameter *parameter_at(int index);
int parameter_index(const char *name);
OfxStatus describe(OfxImageEffectHandle effect);
OfxStatus describe_in_context(OfxImageEffectHandle effect, OfxPropertySetHandle in);

/* values.c: an instance's values, at a time of the host's. */
char *value_text(const Instance *instance, const char *name, OfxTime time); /* to be freed; NULL for want of memory */
const char *value_choice(const Instance *instance, const char *name, OfxTime time);
void value_set_text(const Instance *instance, const char *name, const char *value);
/* Which frame of the plate, or of the driver for a still, belongs to a time. */
long value_frame(const Instance *instance, OfxTime time);
/* Write `"settings": {…}`; returns 0, and why in `reason`, where a value is none that the engine could take. */
int values_write(const Instance *instance, OfxTime time, Text *members, Text *reason);
/* Write `, "curves": {…}` of what has keys; nothing where nothing has. */
void values_write_curves(const Instance *instance, Text *members);

/* image.c: a clip's picture at a time. Regions and windows are pixels, y up, as the host has them. */
typedef struct {
    OfxPropertySetHandle handle;
    unsigned char *data;
    OfxRectI bounds, region; /* what is in memory, and the whole picture */
    int row_bytes, pixel_bytes, channels;
    const char *depth, *alpha; /* as the engine's protocol calls them */
} Image;

/* Returns 0, and why in `reason`, if there is none or none that can be used. */
int image_open(OfxImageClipHandle clip, OfxTime time, Image *image, Text *reason);
void image_close(Image *image);
/* Copy a region's rows, the top one first, a stride apart; 0 where the picture has no pixels. */
void image_read(const Image *image, OfxRectI region, unsigned char *rows, size_t stride);
/* Fill a window of the picture from a region's rows; 0 where the region does not reach. */
void image_write(const Image *image, OfxRectI window, OfxRectI region, const unsigned char *rows, size_t stride);
int clip_is_connected(OfxImageClipHandle clip);
/* Bytes of a row of a region, and of all of it, where rows have nothing between them. */
size_t image_stride(const Image *image, OfxRectI region);
size_t image_bytes(const Image *image, OfxRectI region);
/* Write `"pixels": {…}` of a picture that lies at the mapping's beginning, where its result goes if there is a scale,
   and of a holdout, or NULL, that lies after it. */
void image_describe(Text *members, const Mapping *mapping, const Image *image, const double *scale,
                    const Image *holdout);

/* instance.c */
OfxStatus instance_create(OfxImageEffectHandle effect);
OfxStatus instance_destroy(OfxImageEffectHandle effect);
Instance *instance_of(OfxImageEffectHandle effect);
/* The engine of an instance's Python; NULL for want of memory. */
Engine *instance_engine(const Instance *instance, OfxTime time);
/* What was said; if nothing was, the reason is that there is no memory left. */
const char *reason_of(const Text *said);
/* Tell the user why a button did nothing. */
void instance_say(Instance *instance, const char *text);
/* The instance that an action is asked of, and the action's time; NULL where the host says neither. */
Instance *instance_asked(OfxImageEffectHandle effect, OfxPropertySetHandle in, OfxTime *time);
/* Tell the user why a frame was not made, once for all frames in a row; NULL takes that back. */
void instance_say_of_frame(Instance *instance, const char *text, OfxTime time);

/* render.c */
OfxStatus render(OfxImageEffectHandle effect, OfxPropertySetHandle in);
OfxStatus is_identity(OfxImageEffectHandle effect, OfxPropertySetHandle in, OfxPropertySetHandle out);
OfxStatus regions_of_interest(OfxImageEffectHandle effect, OfxPropertySetHandle in, OfxPropertySetHandle out);
OfxStatus clip_preferences(OfxPropertySetHandle out);

/* analyse.c and page.c: what the buttons do. */
void analyse(Instance *instance, OfxTime time);
void open_page(Instance *instance, OfxTime time);

#endif
