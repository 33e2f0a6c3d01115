/* A plug-in that does wrong as it is asked to, by the name of the choice that the parameter "crime" has. For tests of the
 * host: each is found. */
#include <stdlib.h>
#include <string.h>

typedef void *Handle;

typedef struct {
    Handle host;
    const void *(*fetchSuite)(Handle, const char *, int);
} Host;

typedef struct {
    int (*setPointer)(Handle, const char *, int, void *);
    int (*setString)(Handle, const char *, int, const char *);
    int (*setDouble)(Handle, const char *, int, double);
    int (*setInt)(Handle, const char *, int, int);
    int (*setPointerN)(Handle, const char *, int, void *const *);
    int (*setStringN)(Handle, const char *, int, const char *const *);
    int (*setDoubleN)(Handle, const char *, int, const double *);
    int (*setIntN)(Handle, const char *, int, const int *);
    int (*getPointer)(Handle, const char *, int, void **);
    int (*getString)(Handle, const char *, int, char **);
    int (*getDouble)(Handle, const char *, int, double *);
    int (*getInt)(Handle, const char *, int, int *);
    int (*getPointerN)(Handle, const char *, int, void **);
    int (*getStringN)(Handle, const char *, int, char **);
    int (*getDoubleN)(Handle, const char *, int, double *);
    int (*getIntN)(Handle, const char *, int, int *);
} Properties;

typedef struct {
    int (*getPropertySet)(Handle, Handle *);
    int (*getParamSet)(Handle, Handle *);
    int (*clipDefine)(Handle, const char *, Handle *);
    int (*clipGetHandle)(Handle, const char *, Handle *, Handle *);
    int (*clipGetPropertySet)(Handle, Handle *);
    int (*clipGetImage)(Handle, double, const double *, Handle *);
    int (*clipReleaseImage)(Handle);
    int (*clipGetRegionOfDefinition)(Handle, double, double *);
    int (*abort)(Handle);
} Effects;

typedef struct {
    int (*define)(Handle, const char *, const char *, Handle *);
    int (*getHandle)(Handle, const char *, Handle *, Handle *);
    int (*setProperties)(Handle, Handle *);
    int (*getProperties)(Handle, Handle *);
    int (*getValue)(Handle, ...);
    int (*getValueAtTime)(Handle, double, ...);
    int (*getDerivative)(Handle, double, ...);
    int (*getIntegral)(Handle, double, double, ...);
    int (*setValue)(Handle, ...);
} Parameters;

typedef struct {
    int (*start)(Handle, const char *);
    int (*update)(Handle, double);
    int (*end)(Handle);
} Progress;

static const char *const CRIMES[] = {"none", "image kept", "written beside", "written beyond", "source written",
                                     "text kept", "value without time", "value set", "progress left", "host written",
                                     "property unknown", "silent failure", "bad handle", "bad status", "later image",
                                     "leak", "overflow", "late", NULL};
enum { OK = 0, FAILED = 1, DEFAULT = 14 };

static Host *host;
static const Properties *properties;
static const Effects *effects;
static const Parameters *parameters;
static const Progress *progress;

static const char *crime_of(Handle effect)
{
    Handle set = NULL, parameter = NULL;
    int chosen = 0;
    effects->getParamSet(effect, &set);
    parameters->getHandle(set, "crime", &parameter, NULL);
    parameters->getValueAtTime(parameter, 0.0, &chosen);
    return CRIMES[chosen];
}

static Handle clip_of(Handle effect, const char *name)
{
    Handle clip = NULL;
    effects->clipGetHandle(effect, name, &clip, NULL);
    return clip;
}

static int describe(Handle effect)
{
    Handle own;
    effects->getPropertySet(effect, &own);
    properties->setString(own, "OfxPropLabel", 0, "Crimes");
    properties->setString(own, "OfxImageEffectPropSupportedContexts", 0, "OfxImageEffectContextFilter");
    properties->setString(own, "OfxImageEffectPropSupportedPixelDepths", 0, "OfxBitDepthFloat");
    return OK;
}

static int describe_in_context(Handle effect)
{
    static const char *const clips[] = {"Source", "Output"};
    Handle clip, set, parameter;
    for (int i = 0; i < 2; i++) {
        effects->clipDefine(effect, clips[i], &clip);
        properties->setString(clip, "OfxImageEffectPropSupportedComponents", 0, "OfxImageComponentRGBA");
    }
    effects->getParamSet(effect, &set);
    parameters->define(set, "OfxParamTypeChoice", "crime", &parameter);
    for (int i = 0; CRIMES[i]; i++)
        properties->setString(parameter, "OfxParamPropChoiceOption", i, CRIMES[i]);
    parameters->define(set, "OfxParamTypeDouble", "amount", NULL);
    parameters->define(set, "OfxParamTypePushButton", "button", NULL);
    return OK;
}

static int render(Handle effect, Handle in)
{
    const char *crime = crime_of(effect);
    Handle source = NULL, output = NULL, set = NULL, amount = NULL, own = NULL;
    float *pixels = NULL, *given = NULL;
    double time = 0, number = 0;
    int window[4], bounds[4];
    char *text = NULL;
    properties->getDouble(in, "OfxPropTime", 0, &time);
    properties->getIntN(in, "OfxImageEffectPropRenderWindow", 4, window);
    effects->clipGetImage(clip_of(effect, "Source"), !strcmp(crime, "later image") ? time + 1 : time, NULL, &source);
    if (!source)
        return FAILED;
    effects->clipGetImage(clip_of(effect, "Output"), time, NULL, &output);
    properties->getPointer(output, "OfxImagePropData", 0, (void **)&pixels);
    properties->getPointer(source, "OfxImagePropData", 0, (void **)&given);
    properties->getIntN(output, "OfxImagePropBounds", 4, bounds);
    effects->getParamSet(effect, &set);
    parameters->getHandle(set, "amount", &amount, NULL);
    if (!strcmp(crime, "written beside"))
        pixels[-1] = 1;
    else if (!strcmp(crime, "written beyond"))
        pixels[0] = window[0] > bounds[0] ? 1 : pixels[0];
    else if (!strcmp(crime, "source written"))
        given[0] += 1;
    else if (!strcmp(crime, "text kept")) {
        properties->getString(source, "OfxPropType", 0, &text);
        properties->getDouble(in, "OfxPropTime", 0, &time);
        pixels[0] = *text == '?';
    } else if (!strcmp(crime, "value without time"))
        parameters->getValue(amount, &number);
    else if (!strcmp(crime, "value set"))
        parameters->setValue(amount, 2.0);
    else if (!strcmp(crime, "progress left"))
        progress->start(effect, "work");
    else if (!strcmp(crime, "host written"))
        properties->setDouble(in, "OfxPropTime", 0, 3);
    else if (!strcmp(crime, "property unknown"))
        properties->getDouble(source, "OfxImageEffectPropFrameRate", 0, &number);
    else if (!strcmp(crime, "bad handle"))
        effects->getPropertySet(output, &own);
    else if (!strcmp(crime, "leak"))
        ((char *)malloc(1234))[0] = 1;
    else if (!strcmp(crime, "overflow")) {
        volatile int end = 8;
        ((char *)calloc(1, 8))[end] = 1;
    }
    effects->clipReleaseImage(output);
    if (strcmp(crime, "image kept"))
        effects->clipReleaseImage(source);
    if (!strcmp(crime, "late") && given[0] > 2)
        return FAILED;
    return !strcmp(crime, "silent failure") ? FAILED : !strcmp(crime, "bad status") ? 4711 : OK;
}

static int act(const char *action, const void *handle, Handle in, Handle out)
{
    Handle effect = (Handle)handle;
    (void)out;
    if (!strcmp(action, "OfxActionLoad")) {
        properties = host->fetchSuite(host->host, "OfxPropertySuite", 1);
        effects = host->fetchSuite(host->host, "OfxImageEffectSuite", 1);
        parameters = host->fetchSuite(host->host, "OfxParameterSuite", 1);
        progress = host->fetchSuite(host->host, "OfxProgressSuite", 1);
        return OK;
    }
    if (!strcmp(action, "OfxActionDescribe"))
        return describe(effect);
    if (!strcmp(action, "OfxImageEffectActionDescribeInContext"))
        return describe_in_context(effect);
    return !strcmp(action, "OfxImageEffectActionRender") ? render(effect, in) : DEFAULT;
}

static void set_host(Host *given)
{
    host = given;
}

static struct {
    const char *api;
    int version;
    const char *identifier;
    unsigned int major, minor;
    void (*setHost)(Host *);
    int (*act)(const char *, const void *, Handle, Handle);
} plugin = {"OfxImageEffectPluginAPI", 1, "org.ofx-reenact.tests.Crimes", 1, 0, set_host, act};

int OfxGetNumberOfPlugins(void)
{
    return 1;
}

void *OfxGetPlugin(int number)
{
    return number == 0 ? &plugin : NULL;
}
