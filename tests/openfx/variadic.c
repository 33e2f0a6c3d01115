/* Functions of the API that take any number of arguments, as functions that take a fixed number.
 *
 * A host in Python cannot read a C function's "...": these read it, by what the host says of the parameter, and hand it
 * on. Connected once to the functions of the host. */
#include <stdarg.h>
#include <stdio.h>

enum { MOST = 4, LONGEST = 1 << 16, BAD_HANDLE = 9 };

/* What a parameter's values are: none, whole numbers, numbers, texts. */
enum { NOTHING, WHOLE, NUMBER, TEXT };

typedef struct {
    int whole;
    double number;
    const char *text;
} Value;

typedef struct {
    /* Say how many values the parameter has, and of which kind; negative: no parameter. */
    int (*layout)(void *parameter, int *kind);
    /* Put values where the pointers say. 0: as they are now; 1: at a time; 2: a derivative; 3: an integral. */
    int (*get)(void *parameter, int what, double from, double to, void *const *places, int count);
    int (*set)(void *parameter, int timed, double time, const Value *values, int count);
    int (*say)(void *effect, int persistent, const char *type, const char *id, const char *text);
} Connection;

static Connection host;

void connect_host(const Connection *connection) { host = *connection; }

static int get(void *parameter, int what, double from, double to, va_list arguments)
{
    void *places[MOST];
    int kind = NOTHING, count = host.layout(parameter, &kind);
    if (count < 0)
        return BAD_HANDLE;
    for (int i = 0; i < count; i++)
        places[i] = va_arg(arguments, void *);
    return host.get(parameter, what, from, to, places, count);
}

static int set(void *parameter, int timed, double time, va_list arguments)
{
    Value values[MOST] = {{0}};
    int kind = NOTHING, count = host.layout(parameter, &kind);
    if (count < 0)
        return BAD_HANDLE;
    for (int i = 0; i < count; i++) {
        if (kind == WHOLE)
            values[i].whole = va_arg(arguments, int);
        else if (kind == NUMBER)
            values[i].number = va_arg(arguments, double);
        else
            values[i].text = va_arg(arguments, const char *);
    }
    return host.set(parameter, timed, time, values, count);
}

static int say(void *effect, int persistent, const char *type, const char *id, const char *format, va_list arguments)
{
    static _Thread_local char text[LONGEST];
    if (!format)
        return host.say(effect, persistent, type, id, NULL);
    vsnprintf(text, sizeof text, format, arguments);
    return host.say(effect, persistent, type, id, text);
}

#define PASS(call, last)                                                                                               \
    va_list arguments;                                                                                                 \
    va_start(arguments, last);                                                                                         \
    int status = call;                                                                                                 \
    va_end(arguments);                                                                                                 \
    return status

int paramGetValue(void *parameter, ...) { PASS(get(parameter, 0, 0, 0, arguments), parameter); }
int paramGetValueAtTime(void *parameter, double time, ...) { PASS(get(parameter, 1, time, 0, arguments), time); }
int paramGetDerivative(void *parameter, double time, ...) { PASS(get(parameter, 2, time, 0, arguments), time); }
int paramGetIntegral(void *parameter, double from, double to, ...) { PASS(get(parameter, 3, from, to, arguments), to); }
int paramSetValue(void *parameter, ...) { PASS(set(parameter, 0, 0, arguments), parameter); }
int paramSetValueAtTime(void *parameter, double time, ...) { PASS(set(parameter, 1, time, arguments), time); }

int message(void *effect, const char *type, const char *id, const char *format, ...)
{
    PASS(say(effect, 0, type, id, format, arguments), format);
}

int setPersistentMessage(void *effect, const char *type, const char *id, const char *format, ...)
{
    PASS(say(effect, 1, type, id, format, arguments), format);
}
