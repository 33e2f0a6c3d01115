#include "plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Instance *instance_of(OfxImageEffectHandle effect)
{
    OfxPropertySetHandle properties;
    void *data = NULL;
    if (suites.effect->getPropertySet(effect, &properties) ||
        suites.property->propGetPointer(properties, kOfxPropInstanceData, 0, &data))
        return NULL;
    return data;
}

static OfxImageClipHandle clip_of(OfxImageEffectHandle effect, const char *name)
{
    OfxImageClipHandle clip = NULL;
    return suites.effect->clipGetHandle(effect, name, &clip, NULL) ? NULL : clip;
}

static void free_instance(Instance *instance)
{
    if (instance) {
        text_free(&instance->failure);
        free(instance->parameters);
    }
    free(instance);
}

OfxStatus instance_create(OfxImageEffectHandle effect)
{
    OfxPropertySetHandle properties;
    OfxParamSetHandle set;
    if (suites.effect->getPropertySet(effect, &properties) || suites.effect->getParamSet(effect, &set))
        return kOfxStatErrBadHandle;
    Instance *instance = calloc(1, sizeof *instance);
    if (instance)
        instance->parameters = calloc((size_t)parameter_count(), sizeof *instance->parameters);
    if (!instance || !instance->parameters) {
        free_instance(instance);
        return kOfxStatErrMemory;
    }
    instance->effect = effect;
    instance->source = clip_of(effect, "Source");
    instance->output = clip_of(effect, "Output");
    if (property_is(properties, kOfxImageEffectPropContext, kOfxImageEffectContextGeneral)) {
        instance->driver = clip_of(effect, "Driver");
        instance->holdout = clip_of(effect, "Holdout");
    }
    for (int i = 0; i < parameter_count(); i++)
        if (suites.parameter->paramGetHandle(set, parameter_at(i)->name, &instance->parameters[i], NULL))
            instance->parameters[i] = NULL;
    OfxStatus status = suites.property->propSetPointer(properties, kOfxPropInstanceData, 0, instance);
    if (status)
        free_instance(instance);
    return status;
}

OfxStatus instance_destroy(OfxImageEffectHandle effect)
{
    OfxPropertySetHandle properties;
    Instance *instance = instance_of(effect);
    if (!instance)
        return kOfxStatErrBadHandle;
    if (!suites.effect->getPropertySet(effect, &properties))
        suites.property->propSetPointer(properties, kOfxPropInstanceData, 0, NULL);
    free_instance(instance);
    return kOfxStatOK;
}

/* The parameter Python, else the one that installed the bundle, else OFX_REENACT_PYTHON, else the system's. */
Engine *instance_engine(const Instance *instance, OfxTime time)
{
    char *python = value_text(instance, "python", time);
    if (python && !*python) {
        Text path = {0};
        free(python);
        if (suites.bundle) {
            text_add(&path, suites.bundle);
            text_add(&path, "/Contents/Resources/python");
        }
        python = path.length ? system_line(path.data) : NULL;
        text_free(&path);
        if (!python)
            python = system_variable("OFX_REENACT_PYTHON");
    }
#ifdef _WIN32
    Engine *engine = engine_of(python ? python : "python");
#else
    Engine *engine = engine_of(python ? python : "python3");
#endif
    free(python);
    return engine;
}

Instance *instance_asked(OfxImageEffectHandle effect, OfxPropertySetHandle in, OfxTime *time)
{
    Instance *instance = instance_of(effect);
    return instance && !suites.property->propGetDouble(in, kOfxPropTime, 0, time) ? instance : NULL;
}

const char *reason_of(const Text *outcome)
{
    return outcome->length ? outcome->data : "There is no memory left.";
}

void instance_say(Instance *instance, const char *text)
{
    if (suites.message)
        suites.message->message(instance->effect, kOfxMessageError, "", "%s", text);
}

void instance_say_of_frame(Instance *instance, const char *text, OfxTime time)
{
    Text sentence = {0};
    char frame[60];
    if (!text) {
        if (instance->failure.length && suites.message && suites.keeps_messages)
            suites.message->clearPersistentMessage(instance->effect);
        text_clear(&instance->failure);
        return;
    }
    if (instance->failure.length && !strcmp(instance->failure.data, text))
        return;
    text_clear(&instance->failure);
    text_add(&instance->failure, text);
    snprintf(frame, sizeof frame, "Reenact, frame %ld: ", value_frame(instance, time));
    text_add(&sentence, frame);
    text_add(&sentence, text);
    if (suites.message && suites.keeps_messages)
        suites.message->setPersistentMessage(instance->effect, kOfxMessageError, "", "%s", sentence.data);
    else
        instance_say(instance, sentence.data);
    text_free(&sentence);
}
