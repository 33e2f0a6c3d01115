/* Only this file has the table of parameters. */
#define REENACT_TABLES
#include "plugin.h"

#include <string.h>

static const char DESCRIPTION[] =
    "A person in the plate performs what somebody else does. Name a target and a driver, or connect clips, and press "
    "Analyse; then every frame is made from the picture that comes in and from what the analysis kept.";

int parameter_count(void)
{
    return PARAMETER_COUNT;
}

const Parameter *parameter_at(int index)
{
    return &PARAMETERS[index];
}

int parameter_index(const char *name)
{
    int index = 0;
    while (index < PARAMETER_COUNT && strcmp(PARAMETERS[index].name, name))
        index++;
    return index;
}

static void set_text(OfxPropertySetHandle properties, const char *name, int index, const char *value)
{
    suites.property->propSetString(properties, name, index, value);
}

static void set_whole(OfxPropertySetHandle properties, const char *name, int value)
{
    suites.property->propSetInt(properties, name, 0, value);
}

static void set_number(OfxPropertySetHandle properties, const char *name, double value)
{
    suites.property->propSetDouble(properties, name, 0, value);
}

/* Tell whether to offer half pixels: to hosts without float, or that do not name their depths. To others only float is
   offered, since some hosts choose the smaller of two. */
static int offers_half(void)
{
    char *depth = NULL;
    int count = 0, half = 0;
    if (suites.property->propGetDimension(suites.host->host, kOfxImageEffectPropSupportedPixelDepths, &count) || !count)
        return 1;
    for (int i = 0; i < count; i++) {
        if (suites.property->propGetString(suites.host->host, kOfxImageEffectPropSupportedPixelDepths, i, &depth) ||
            !depth)
            continue;
        if (!strcmp(depth, kOfxBitDepthFloat))
            return 0;
        half |= !strcmp(depth, kOfxBitDepthHalf);
    }
    return half;
}

OfxStatus describe(OfxImageEffectHandle effect)
{
    OfxPropertySetHandle properties;
    if (suites.effect->getPropertySet(effect, &properties))
        return kOfxStatErrBadHandle;
    set_text(properties, kOfxPropLabel, 0, "Reenact");
    set_text(properties, kOfxPropShortLabel, 0, "Reenact");
    set_text(properties, kOfxPropLongLabel, 0, "Reenact");
    set_text(properties, kOfxPropPluginDescription, 0, DESCRIPTION);
    set_text(properties, kOfxImageEffectPluginPropGrouping, 0, "Reenact");
    set_text(properties, kOfxImageEffectPropSupportedContexts, 0, kOfxImageEffectContextFilter);
    set_text(properties, kOfxImageEffectPropSupportedContexts, 1, kOfxImageEffectContextGeneral);
    set_text(properties, kOfxImageEffectPropSupportedPixelDepths, 0, kOfxBitDepthFloat);
    if (offers_half())
        set_text(properties, kOfxImageEffectPropSupportedPixelDepths, 1, kOfxBitDepthHalf);
    set_text(properties, kOfxImageEffectPluginRenderThreadSafety, 0, kOfxImageEffectRenderInstanceSafe);
    set_whole(properties, kOfxImageEffectPluginPropHostFrameThreading, 0);
    /* A face can be anywhere, so a frame is rendered whole. */
    set_whole(properties, kOfxImageEffectPropSupportsTiles, 0);
    set_whole(properties, kOfxImageEffectPropSupportsMultiResolution, 1);
    set_whole(properties, kOfxImageEffectPropSupportsMultipleClipDepths, 0);
    set_whole(properties, kOfxImageEffectPropSupportsMultipleClipPARs, 0);
    set_whole(properties, kOfxImageEffectPropTemporalClipAccess, 1);
    return kOfxStatOK;
}

static OfxStatus define_clip(OfxImageEffectHandle effect, const char *name, int is_optional, int is_matte,
                             int over_time)
{
    OfxPropertySetHandle properties;
    OfxStatus status = suites.effect->clipDefine(effect, name, &properties);
    if (status)
        return status;
    set_text(properties, kOfxPropLabel, 0, name);
    set_text(properties, kOfxImageEffectPropSupportedComponents, 0, kOfxImageComponentRGBA);
    if (is_matte)
        set_text(properties, kOfxImageEffectPropSupportedComponents, 1, kOfxImageComponentAlpha);
    set_whole(properties, kOfxImageEffectPropSupportsTiles, 0);
    set_whole(properties, kOfxImageEffectPropTemporalClipAccess, over_time);
    set_whole(properties, kOfxImageClipPropOptional, is_optional);
    set_whole(properties, kOfxImageClipPropIsMask, is_matte);
    return kOfxStatOK;
}

static void describe_text(OfxPropertySetHandle properties, const Parameter *parameter)
{
    const char *mode = parameter->kind == KIND_FILE     ? kOfxParamStringIsFilePath
                       : parameter->kind == KIND_FOLDER ? kOfxParamStringIsDirectoryPath
                                                        : kOfxParamStringIsSingleLine;
    set_text(properties, kOfxParamPropStringMode, 0, mode);
    if (parameter->kind == KIND_FILE || parameter->kind == KIND_FOLDER)
        set_whole(properties, kOfxParamPropStringFilePathExists, 0);
    set_text(properties, kOfxParamPropDefault, 0, parameter->text);
    set_whole(properties, kOfxParamPropAnimates, 0);
    if (parameter->kind == KIND_STATUS)
        set_whole(properties, kOfxParamPropEnabled, 0);
}

static void describe_number(OfxPropertySetHandle properties, const Parameter *parameter)
{
    set_number(properties, kOfxParamPropDefault, parameter->first);
    set_whole(properties, kOfxParamPropAnimates, parameter->animatable);
    if (isfinite(parameter->low))
        set_number(properties, kOfxParamPropMin, parameter->low);
    if (isfinite(parameter->high))
        set_number(properties, kOfxParamPropMax, parameter->high);
    if (isfinite(parameter->shown_low))
        set_number(properties, kOfxParamPropDisplayMin, parameter->shown_low);
    if (isfinite(parameter->shown_high))
        set_number(properties, kOfxParamPropDisplayMax, parameter->shown_high);
}

static void describe_choice(OfxPropertySetHandle properties, const Parameter *parameter)
{
    for (int i = 0; parameter->choices[i]; i++)
        set_text(properties, kOfxParamPropChoiceOption, i, parameter->choices[i]);
    set_whole(properties, kOfxParamPropDefault, (int)parameter->first);
    set_whole(properties, kOfxParamPropAnimates, 0);
}

static OfxStatus define_parameter(OfxParamSetHandle set, const Parameter *parameter)
{
    OfxPropertySetHandle properties;
    Kind kind = parameter->kind;
    const char *type = kind == KIND_NUMBER   ? kOfxParamTypeDouble
                       : kind == KIND_CHOICE ? kOfxParamTypeChoice
                       : kind == KIND_BUTTON ? kOfxParamTypePushButton
                                             : kOfxParamTypeString;
    OfxStatus status = suites.parameter->paramDefine(set, type, parameter->name, &properties);
    if (status)
        return status;
    set_text(properties, kOfxPropLabel, 0, parameter->label);
    set_text(properties, kOfxParamPropHint, 0, parameter->help);
    if (*parameter->group)
        set_text(properties, kOfxParamPropParent, 0, parameter->group);
    if (kind == KIND_NUMBER)
        describe_number(properties, parameter);
    else if (kind == KIND_CHOICE)
        describe_choice(properties, parameter);
    else if (kind != KIND_BUTTON)
        describe_text(properties, parameter);
    return kOfxStatOK;
}

static OfxStatus define_group(OfxParamSetHandle set, const Group *group)
{
    OfxPropertySetHandle properties;
    OfxStatus status = suites.parameter->paramDefine(set, kOfxParamTypeGroup, group->name, &properties);
    if (status)
        return status;
    set_text(properties, kOfxPropLabel, 0, group->label);
    set_whole(properties, kOfxParamPropGroupOpen, group->open);
    return kOfxStatOK;
}

static OfxStatus define_parameters(OfxImageEffectHandle effect)
{
    OfxParamSetHandle set;
    OfxPropertySetHandle page;
    OfxStatus status = suites.effect->getParamSet(effect, &set);
    for (int i = 0; !status && i < GROUP_COUNT; i++)
        status = define_group(set, &GROUPS[i]);
    for (int i = 0; !status && i < PARAMETER_COUNT; i++)
        status = define_parameter(set, &PARAMETERS[i]);
    if (status)
        return status;
    /* Some hosts show parameters only on pages, and make none by themselves. */
    if (!suites.parameter->paramDefine(set, kOfxParamTypePage, "page_reenact", &page)) {
        set_text(page, kOfxPropLabel, 0, "Reenact");
        for (int i = 0; i < PARAMETER_COUNT; i++)
            set_text(page, kOfxParamPropPageChild, i, PARAMETERS[i].name);
    }
    return kOfxStatOK;
}

OfxStatus describe_in_context(OfxImageEffectHandle effect, OfxPropertySetHandle in)
{
    char *context = NULL;
    if (suites.property->propGetString(in, kOfxImageEffectPropContext, 0, &context) || !context)
        return kOfxStatErrBadHandle;
    int is_general = !strcmp(context, kOfxImageEffectContextGeneral);
    if (!is_general && strcmp(context, kOfxImageEffectContextFilter))
        return kOfxStatErrUnsupported;
    OfxStatus status = define_clip(effect, "Source", 0, 0, 1);
    if (!status)
        status = define_clip(effect, "Output", 0, 0, 0);
    if (!status && is_general)
        status = define_clip(effect, "Driver", 1, 0, 1);
    if (!status && is_general)
        status = define_clip(effect, "Holdout", 1, 1, 0);
    return status ? status : define_parameters(effect);
}
