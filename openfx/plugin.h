/* Declarations of the plug-in's files: the host's suites, an instance, its values, its images. */
#ifndef REENACT_PLUGIN_H
#define REENACT_PLUGIN_H

#include "engine.h"
#include "ofx_api.h"
#include "parameters.h"
#include "text.h"

/* Suites of the host; message and progress may be NULL. */
typedef struct {
    OfxHost *host;
    const OfxPropertySuiteV1 *property;
    const OfxImageEffectSuiteV1 *effect;
    const OfxParameterSuiteV1 *parameter;
    const OfxMessageSuiteV2 *message;
    const OfxProgressSuiteV1 *progress;
    int keeps_messages; /* whether the message suite is of version 2 */
    char *bundle;       /* the folder of the plug-in's bundle; NULL if it is not known */
} Suites;
extern Suites suites;

typedef struct {
    OfxImageEffectHandle effect;
    OfxImageClipHandle source, output, driver, holdout; /* the last two are NULL in the context Filter */
    OfxParamHandle *parameters;                         /* in the order of the table */
    Text failure;                                       /* message of the last failed frame */
} Instance;

/* host.c: tell whether a property has this value. A text of the host's is valid until the next call of the host. */
int property_is(OfxPropertySetHandle properties, const char *name, const char *text);

/* describe.c: the table of parameters, and the description of the effect for the host. */
int parameter_count(void);
const Parameter *parameter_at(int index);
int parameter_index(const char *name);
OfxStatus describe(OfxImageEffectHandle effect);
OfxStatus describe_in_context(OfxImageEffectHandle effect, OfxPropertySetHandle in);

/* values.c: an instance's values at a time of the host's. */
/* The caller frees it; NULL if there is no memory. */
char *value_text(const Instance *instance, const char *name, OfxTime time);
const char *value_choice(const Instance *instance, const char *name, OfxTime time);
void value_set_text(const Instance *instance, const char *name, const char *value);
/* Give the frame number of the plate, or of the driver if the plate is a still, at a time. */
long value_frame(const Instance *instance, OfxTime time);
/* Write `"settings": {…}`; returns 0, and the reason in `reason`, if the engine could not take a value. */
int values_write(const Instance *instance, OfxTime time, Text *members, Text *reason);
/* Write `, "curves": {…}` of the parameters with keys; nothing if none has keys. */
void values_write_curves(const Instance *instance, Text *members);

/* image.c: a clip's picture at a time. Regions and windows are in the host's pixels, y up. */
typedef struct {
    OfxPropertySetHandle handle;
    unsigned char *data;
    OfxRectI bounds, region; /* the part in memory, and the whole picture */
    int row_bytes, pixel_bytes, channels;
    const char *depth, *alpha; /* values of the engine's protocol */
} Image;

/* Returns 0, and the reason in `reason`, if there is no picture or it cannot be used. */
int image_open(OfxImageClipHandle clip, OfxTime time, Image *image, Text *reason);
void image_close(Image *image);
/* Copy a region to rows, top row first, `stride` bytes apart; 0 where the picture has no pixels. */
void image_read(const Image *image, OfxRectI region, unsigned char *rows, size_t stride);
/* Fill a window of the picture from a region's rows; 0 outside the region. */
void image_write(const Image *image, OfxRectI window, OfxRectI region, const unsigned char *rows, size_t stride);
int clip_is_connected(OfxImageClipHandle clip);
/* Bytes of one row of a region, and of the region, without padding. */
size_t image_stride(const Image *image, OfxRectI region);
size_t image_bytes(const Image *image, OfxRectI region);
/* Write `"pixels": {…}`: the picture at the mapping's start, where the result goes too if `scale` is not NULL, and the
   holdout after it, if not NULL. */
void image_describe(Text *members, const Mapping *mapping, const Image *image, const double *scale,
                    const Image *holdout);

/* instance.c */
OfxStatus instance_create(OfxImageEffectHandle effect);
OfxStatus instance_destroy(OfxImageEffectHandle effect);
Instance *instance_of(OfxImageEffectHandle effect);
/* The engine of an instance's Python; NULL if there is no memory. */
Engine *instance_engine(const Instance *instance, OfxTime time);
/* The text of a failed outcome; if it is empty, that there is no memory left. */
const char *reason_of(const Text *outcome);
/* Show the user why a button did nothing. */
void instance_say(Instance *instance, const char *text);
/* Get an action's instance and time; NULL if the host does not name both. */
Instance *instance_asked(OfxImageEffectHandle effect, OfxPropertySetHandle in, OfxTime *time);
/* Show the user why a frame was not rendered, once for several frames in a row; NULL removes the message. */
void instance_say_of_frame(Instance *instance, const char *text, OfxTime time);

/* render.c */
OfxStatus render(OfxImageEffectHandle effect, OfxPropertySetHandle in);
OfxStatus is_identity(OfxImageEffectHandle effect, OfxPropertySetHandle in, OfxPropertySetHandle out);
OfxStatus regions_of_interest(OfxImageEffectHandle effect, OfxPropertySetHandle in, OfxPropertySetHandle out);
OfxStatus clip_preferences(OfxPropertySetHandle out);

/* analyse.c and page.c: the buttons' actions. */
void analyse(Instance *instance, OfxTime time);
void open_page(Instance *instance, OfxTime time);

#endif
