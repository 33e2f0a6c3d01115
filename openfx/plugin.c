/* The entry points for the host, and the function of each action. */
#include "plugin.h"

#include <stdlib.h>
#include <string.h>

static void set_host(OfxHost *host)
{
    suites.host = host;
}

static const void *fetch(const char *name, int version)
{
    return suites.host->fetchSuite(suites.host->host, name, version);
}

/* Hosts may load again after unloading, and some load twice. */
static OfxStatus load(void)
{
    if (!suites.host || !suites.host->fetchSuite)
        return kOfxStatErrMissingHostFeature;
    suites.property = fetch(kOfxPropertySuite, 1);
    suites.effect = fetch(kOfxImageEffectSuite, 1);
    suites.parameter = fetch(kOfxParameterSuite, 1);
    suites.message = fetch(kOfxMessageSuite, 2);
    suites.keeps_messages = suites.message != NULL;
    if (!suites.message)
        suites.message = fetch(kOfxMessageSuite, 1);
    suites.progress = fetch(kOfxProgressSuite, 1);
    if (!suites.bundle)
        suites.bundle = system_bundle();
    return suites.property && suites.effect && suites.parameter ? kOfxStatOK : kOfxStatErrMissingHostFeature;
}

static OfxStatus unload(void)
{
    engine_end_all();
    free(suites.bundle);
    suites.bundle = NULL;
    return kOfxStatOK;
}

static OfxStatus changed(OfxImageEffectHandle effect, OfxPropertySetHandle in)
{
    Instance *instance = instance_of(effect);
    double time = 0;
    if (!instance)
        return kOfxStatErrBadHandle;
    if (!property_is(in, kOfxPropChangeReason, kOfxChangeUserEdited) ||
        !property_is(in, kOfxPropType, kOfxTypeParameter))
        return kOfxStatReplyDefault;
    suites.property->propGetDouble(in, kOfxPropTime, 0, &time);
    if (property_is(in, kOfxPropName, "analyse"))
        analyse(instance, time);
    else if (property_is(in, kOfxPropName, "page"))
        open_page(instance, time);
    else
        return kOfxStatReplyDefault;
    return kOfxStatOK;
}

static OfxStatus act(const char *action, const void *handle, OfxPropertySetHandle in, OfxPropertySetHandle out)
{
    OfxImageEffectHandle effect = (OfxImageEffectHandle)handle;
    if (!action)
        return kOfxStatErrBadHandle;
    if (!strcmp(action, kOfxActionLoad))
        return load();
    if (!strcmp(action, kOfxActionUnload))
        return unload();
    if (!suites.property || !suites.effect || !suites.parameter)
        return kOfxStatErrMissingHostFeature;
    if (!effect)
        return kOfxStatErrBadHandle;
    if (!strcmp(action, kOfxActionDescribe))
        return describe(effect);
    if (!strcmp(action, kOfxImageEffectActionDescribeInContext))
        return describe_in_context(effect, in);
    if (!strcmp(action, kOfxActionCreateInstance))
        return instance_create(effect);
    if (!strcmp(action, kOfxActionDestroyInstance))
        return instance_destroy(effect);
    if (!strcmp(action, kOfxActionInstanceChanged))
        return changed(effect, in);
    if (!strcmp(action, kOfxImageEffectActionRender))
        return render(effect, in);
    if (!strcmp(action, kOfxImageEffectActionIsIdentity))
        return is_identity(effect, in, out);
    if (!strcmp(action, kOfxImageEffectActionGetRegionsOfInterest))
        return regions_of_interest(effect, in, out);
    if (!strcmp(action, kOfxImageEffectActionGetClipPreferences))
        return clip_preferences(out);
    return kOfxStatReplyDefault;
}

static OfxPlugin PLUGIN = {
    .pluginApi = kOfxImageEffectPluginApi,
    .apiVersion = 1,
    .pluginIdentifier = "org.ofx-reenact.Reenact",
    .pluginVersionMajor = 1,
    .pluginVersionMinor = 0,
    .setHost = set_host,
    .mainEntry = act,
};

OFX_EXPORT int OfxGetNumberOfPlugins(void)
{
    return 1;
}

OFX_EXPORT OfxPlugin *OfxGetPlugin(int number)
{
    return number == 0 ? &PLUGIN : NULL;
}

OFX_EXPORT OfxStatus OfxSetHost(const OfxHost *host)
{
    set_host((OfxHost *)host);
    return kOfxStatOK;
}
