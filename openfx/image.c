#include "plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Largest width and height that the engine takes, in pixels. */
enum { MAX_SIDE = 65536 };

int clip_is_connected(OfxImageClipHandle clip)
{
    OfxPropertySetHandle properties;
    int connected = 0;
    return clip && !suites.effect->clipGetPropertySet(clip, &properties) &&
           !suites.property->propGetInt(properties, kOfxImageClipPropConnected, 0, &connected) && connected;
}

static int rectangle_of(OfxPropertySetHandle properties, const char *name, OfxRectI *rectangle)
{
    int ends[4];
    if (suites.property->propGetIntN(properties, name, 4, ends))
        return 0;
    *rectangle = (OfxRectI){ends[0], ends[1], ends[2], ends[3]};
    long long width = (long long)ends[2] - ends[0], height = (long long)ends[3] - ends[1];
    return width >= 1 && height >= 1 && width <= MAX_SIDE && height <= MAX_SIDE;
}

/* Read an image's or clip's kind of alpha, in the protocol's words; NULL if it has none of them. */
static const char *read_alpha(OfxPropertySetHandle properties)
{
    static const char *const names[][2] = {
        {kOfxImageOpaque, "opaque"}, {kOfxImageUnPreMultiplied, "straight"}, {kOfxImagePreMultiplied, "premultiplied"}};
    for (int i = 0; i < 3; i++)
        if (property_is(properties, kOfxImageEffectPropPreMultiplication, names[i][0]))
            return names[i][1];
    return NULL;
}

static const char *alpha_of(OfxImageClipHandle clip, OfxPropertySetHandle image)
{
    OfxPropertySetHandle properties;
    const char *alpha = read_alpha(image);
    if (!alpha && !suites.effect->clipGetPropertySet(clip, &properties))
        alpha = read_alpha(properties);
    return alpha ? alpha : "premultiplied";
}

/* Read the properties of a fetched image; returns why it cannot be used, NULL if it can. */
static const char *read_properties(OfxImageClipHandle clip, Image *image)
{
    void *data = NULL;
    if (property_is(image->handle, kOfxImageEffectPropPixelDepth, kOfxBitDepthFloat))
        image->depth = "float";
    else if (property_is(image->handle, kOfxImageEffectPropPixelDepth, kOfxBitDepthHalf))
        image->depth = "half";
    else
        return "its pixels are neither float nor half";
    if (property_is(image->handle, kOfxImageEffectPropComponents, kOfxImageComponentRGBA))
        image->channels = 4;
    else if (property_is(image->handle, kOfxImageEffectPropComponents, kOfxImageComponentAlpha))
        image->channels = 1;
    else
        return "it is neither RGBA nor alpha";
    image->pixel_bytes = image->channels * (*image->depth == 'f' ? 4 : 2);
    if (!rectangle_of(image->handle, kOfxImagePropBounds, &image->bounds))
        return "its bounds hold no picture";
    if (!rectangle_of(image->handle, kOfxImagePropRegionOfDefinition, &image->region))
        image->region = image->bounds;
    if (suites.property->propGetPointer(image->handle, kOfxImagePropData, 0, &data) || !data)
        return "it has no pixels";
    if (suites.property->propGetInt(image->handle, kOfxImagePropRowBytes, 0, &image->row_bytes))
        return "the length of its rows is not known";
    if (llabs(image->row_bytes) < (long long)(image->bounds.x2 - image->bounds.x1) * image->pixel_bytes)
        return "its rows are shorter than its width";
    image->data = data;
    image->alpha = alpha_of(clip, image->handle);
    return NULL;
}

int image_open(OfxImageClipHandle clip, OfxTime time, Image *image, Text *reason)
{
    memset(image, 0, sizeof *image);
    if (!clip || suites.effect->clipGetImage(clip, time, NULL, &image->handle) || !image->handle) {
        image->handle = NULL;
        text_set(reason, "the host has no picture at this time");
        return 0;
    }
    const char *fault = read_properties(clip, image);
    if (fault) {
        text_set(reason, fault);
        image_close(image);
    }
    return !fault;
}

void image_close(Image *image)
{
    if (image->handle)
        suites.effect->clipReleaseImage(image->handle);
    memset(image, 0, sizeof *image);
}

static int smaller(int one, int other)
{
    return one < other ? one : other;
}

static int larger(int one, int other)
{
    return one > other ? one : other;
}

/* Intersect two rectangles; returns 0 if they do not overlap. */
static int overlap(OfxRectI one, OfxRectI other, OfxRectI *shared)
{
    *shared = (OfxRectI){
        larger(one.x1, other.x1), larger(one.y1, other.y1), smaller(one.x2, other.x2), smaller(one.y2, other.y2)};
    return shared->x1 < shared->x2 && shared->y1 < shared->y2;
}

/* Find a pixel in the host's memory, where rows go up, or down if `row_bytes` is negative. */
static unsigned char *pixel_at(const Image *image, int x, int y)
{
    return image->data + (ptrdiff_t)(y - image->bounds.y1) * image->row_bytes +
           (ptrdiff_t)(x - image->bounds.x1) * image->pixel_bytes;
}

void image_read(const Image *image, OfxRectI region, unsigned char *rows, size_t stride)
{
    OfxRectI shared;
    int is_any = overlap(image->bounds, region, &shared);
    size_t bytes = (size_t)image->pixel_bytes, width = (size_t)(region.x2 - region.x1) * bytes;
    for (int y = region.y2 - 1; y >= region.y1; y--, rows += stride) {
        if (!is_any || y < shared.y1 || y >= shared.y2) {
            memset(rows, 0, width);
            continue;
        }
        size_t before = (size_t)(shared.x1 - region.x1) * bytes, there = (size_t)(shared.x2 - shared.x1) * bytes;
        memset(rows, 0, before);
        memcpy(rows + before, pixel_at(image, shared.x1, y), there);
        memset(rows + before + there, 0, width - before - there);
    }
}

void image_write(const Image *image, OfxRectI window, OfxRectI region, const unsigned char *rows, size_t stride)
{
    OfxRectI filled, shared;
    if (!overlap(image->bounds, window, &filled))
        return;
    int is_any = overlap(filled, region, &shared);
    size_t bytes = (size_t)image->pixel_bytes, width = (size_t)(filled.x2 - filled.x1) * bytes;
    for (int y = filled.y1; y < filled.y2; y++) {
        unsigned char *row = pixel_at(image, filled.x1, y);
        if (!is_any || y < shared.y1 || y >= shared.y2) {
            memset(row, 0, width);
            continue;
        }
        size_t before = (size_t)(shared.x1 - filled.x1) * bytes, there = (size_t)(shared.x2 - shared.x1) * bytes;
        size_t from = (size_t)(region.y2 - 1 - y) * stride + (size_t)(shared.x1 - region.x1) * bytes;
        memset(row, 0, before);
        memcpy(row + before, rows + from, there);
        memset(row + before + there, 0, width - before - there);
    }
}

size_t image_stride(const Image *image, OfxRectI region)
{
    return (size_t)(region.x2 - region.x1) * (size_t)image->pixel_bytes;
}

size_t image_bytes(const Image *image, OfxRectI region)
{
    return image_stride(image, region) * (size_t)(region.y2 - region.y1);
}

static void write_plane(Text *members, const char *name, size_t offset, size_t stride, int channels)
{
    char plane[160];
    snprintf(plane, sizeof plane, ", \"%s\": {\"offset\": %zu, \"stride\": %zu", name, offset, stride);
    text_add(members, plane);
    if (channels) {
        snprintf(plane, sizeof plane, ", \"channels\": %d", channels);
        text_add(members, plane);
    }
    text_add(members, "}");
}

void image_describe(Text *members, const Mapping *mapping, const Image *image, const double *scale,
                    const Image *holdout)
{
    char numbers[200];
    size_t stride = image_stride(image, image->region);
    int height = image->region.y2 - image->region.y1;
    text_add(members, "\"pixels\": {\"mapping\": ");
    text_quoted(members, mapping->name);
    snprintf(numbers, sizeof numbers,
             ", \"size\": %zu, \"width\": %d, \"height\": %d, \"depth\": \"%s\", \"alpha\": \"%s\", \"scale\": [",
             mapping->size, image->region.x2 - image->region.x1, height, image->depth, image->alpha);
    text_add(members, numbers);
    text_number(members, scale ? scale[0] : 1);
    text_add(members, ", ");
    text_number(members, scale ? scale[1] : 1);
    text_add(members, "]");
    write_plane(members, "source", 0, stride, 0);
    if (scale)
        write_plane(members, "result", 0, stride, 0);
    if (holdout && holdout->handle)
        write_plane(members, "holdout", image_bytes(image, image->region),
                    image_stride(holdout, image->region), holdout->channels);
    text_add(members, "}");
}
