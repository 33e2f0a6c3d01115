#include "plugin.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longest curve in frames, and the largest frame number. */
static const double MAX_FRAMES = 100000, MAX_FRAME = 1e8;

static OfxParamHandle handle_of(const Instance *instance, const char *name)
{
    int index = parameter_index(name);
    return index < parameter_count() ? instance->parameters[index] : NULL;
}

/* A text of the host's, valid until the next call of the host. */
static const char *text_at(OfxParamHandle handle, OfxTime time)
{
    char *value = NULL;
    return !handle || suites.parameter->paramGetValueAtTime(handle, time, &value) || !value ? "" : value;
}

char *value_text(const Instance *instance, const char *name, OfxTime time)
{
    Text text = {0};
    text_add(&text, text_at(handle_of(instance, name), time));
    return text.data;
}

/* A number clamped to its range: hosts round, and some accept any number that is typed. */
static double number_at(OfxParamHandle handle, const Parameter *parameter, OfxTime time)
{
    double value = parameter->first;
    if (!handle || suites.parameter->paramGetValueAtTime(handle, time, &value) || !isfinite(value))
        return parameter->first;
    return fmin(fmax(value, parameter->low), parameter->high);
}

static double value_number(const Instance *instance, const char *name, OfxTime time)
{
    return number_at(handle_of(instance, name), parameter_at(parameter_index(name)), time);
}

static int choice_at(OfxParamHandle handle, const Parameter *parameter, OfxTime time)
{
    int chosen = -1, count = 0;
    while (parameter->choices[count])
        count++;
    if (!handle || suites.parameter->paramGetValueAtTime(handle, time, &chosen) || chosen < 0 || chosen >= count)
        return (int)parameter->first;
    return chosen;
}

const char *value_choice(const Instance *instance, const char *name, OfxTime time)
{
    const Parameter *parameter = parameter_at(parameter_index(name));
    return parameter->choices[choice_at(handle_of(instance, name), parameter, time)];
}

void value_set_text(const Instance *instance, const char *name, const char *value)
{
    OfxParamHandle handle = handle_of(instance, name);
    if (handle)
        suites.parameter->paramSetValue(handle, value);
}

long value_frame(const Instance *instance, OfxTime time)
{
    double frame = value_number(instance, "clip_offset", time) + value_number(instance, "clip_speed", time) * time;
    return lround(isfinite(frame) ? fmin(fmax(frame, -MAX_FRAME), MAX_FRAME) : 0);
}

/* Write a comma-separated text as a list. */
static void write_list(Text *members, const char *value)
{
    const char *between = "";
    text_add(members, "[");
    while (*value) {
        Text one = {0};
        size_t length = strcspn(value, ","), first = strspn(value, " "), last = length;
        first = first < length ? first : length;
        while (last > first && value[last - 1] == ' ')
            last--;
        text_bytes(&one, value + first, last - first);
        if (one.length) {
            text_add(members, between);
            text_quoted(members, one.data);
            between = ", ";
        }
        text_free(&one);
        value += length + (value[length] == ',');
    }
    text_add(members, "]");
}

/* Write a frame number; returns 0 if the text is not one. */
static int write_frame(Text *members, const char *value)
{
    char *end;
    long frame = strtol(value, &end, 10);
    if (end == value || *(end + strspn(end, " ")) || labs(frame) > (long)MAX_FRAME)
        return 0;
    char number[32];
    snprintf(number, sizeof number, "%ld", frame);
    text_add(members, number);
    return 1;
}

/* Write a parameter's value unless it is the default; returns 0 if the engine could not take it. */
static int write_value(Text *members, const Parameter *parameter, OfxParamHandle handle, OfxTime time)
{
    Text value = {0};
    int is_right = 1;
    if (parameter->kind == KIND_NUMBER) {
        double number = number_at(handle, parameter, time);
        if (number != parameter->first)
            text_number(&value, number);
    } else if (parameter->kind == KIND_CHOICE) {
        int chosen = choice_at(handle, parameter, time);
        if (chosen != (int)parameter->first)
            text_quoted(&value, parameter->choices[chosen]);
    } else {
        const char *text = text_at(handle, time);
        if (!*text || !strcmp(text, parameter->text))
            return 1;
        if (parameter->kind == KIND_FRAME)
            is_right = write_frame(&value, text);
        else if (parameter->kind == KIND_FILES)
            write_list(&value, text);
        else
            text_quoted(&value, text);
    }
    if (value.length) {
        text_add(members, members->data[members->length - 1] == '{' ? "" : ", ");
        text_quoted(members, parameter->name);
        text_add(members, ": ");
        text_add(members, value.data);
    }
    text_free(&value);
    return is_right;
}

int values_write(const Instance *instance, OfxTime time, Text *members, Text *reason)
{
    text_add(members, "\"settings\": {");
    for (int i = 0; i < parameter_count() && !members->failed; i++) {
        const Parameter *parameter = parameter_at(i);
        if (parameter->is_option && !write_value(members, parameter, instance->parameters[i], time)) {
            text_set(reason, parameter->label);
            text_add(reason, ": give a frame's number, or nothing");
            return 0;
        }
    }
    text_add(members, "}");
    return !members->failed;
}

/* The time of a key; NAN if the host does not know it. */
static double key_time(OfxParamHandle handle, unsigned int key)
{
    double time = NAN;
    return suites.parameter->paramGetKeyTime(handle, key, &time) ? NAN : time;
}

/* Write a parameter's value in each frame from its first to its last key; outside these the engine holds it. */
static void write_curve(const Instance *instance, Text *members, int index, unsigned int count)
{
    const Parameter *parameter = parameter_at(index);
    OfxParamHandle handle = instance->parameters[index];
    double first = floor(key_time(handle, 0)), last = ceil(key_time(handle, count - 1));
    if (!(first <= last) || fabs(first) > MAX_FRAME || !isfinite(last))
        return;
    long before = 0;
    int is_first = 1;
    text_add(members, members->length ? ", " : "");
    text_quoted(members, parameter->name);
    text_add(members, ": {\"interpolation\": \"linear\", \"frames\": {");
    last = fmin(last, first + MAX_FRAMES);
    for (double time = first; time <= last && !members->failed; time++) {
        char number[40];
        long frame = value_frame(instance, time);
        if (!is_first && frame == before)
            continue;
        snprintf(number, sizeof number, "%s\"%ld\": ", is_first ? "" : ", ", frame);
        text_add(members, number);
        text_number(members, number_at(handle, parameter, time));
        before = frame;
        is_first = 0;
    }
    text_add(members, "}}");
}

void values_write_curves(const Instance *instance, Text *members)
{
    Text curves = {0};
    for (int i = 0; i < parameter_count(); i++) {
        unsigned int count = 0;
        OfxParamHandle handle = instance->parameters[i];
        if (parameter_at(i)->animatable && handle && !suites.parameter->paramGetNumKeys(handle, &count) && count)
            write_curve(instance, &curves, i, count);
    }
    if (curves.length) {
        text_add(members, ", \"curves\": {");
        text_add(members, curves.data);
        text_add(members, "}");
    }
    members->failed |= curves.failed;
    text_free(&curves);
}
