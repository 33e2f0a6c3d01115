#include "text.h"

#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Levels of nested lists and objects; the engine's events have three. */
enum { MAX_DEPTH = 32 };
static const char REPLACEMENT[] = "\xEF\xBF\xBD";

void text_bytes(Text *text, const char *more, size_t length)
{
    if (text->failed || length > SIZE_MAX / 4 - text->length) {
        text->failed = 1;
        return;
    }
    if (text->length + length + 1 > text->size) {
        size_t size = 2 * (text->length + length + 1);
        char *data = realloc(text->data, size);
        if (!data) {
            text->failed = 1;
            return;
        }
        text->data = data;
        text->size = size;
    }
    memcpy(text->data + text->length, more, length);
    text->length += length;
    text->data[text->length] = 0;
}

void text_add(Text *text, const char *more)
{
    text_bytes(text, more, strlen(more));
}

void text_clear(Text *text)
{
    text->length = 0;
    if (text->data)
        text->data[0] = 0;
}

void text_set(Text *text, const char *value)
{
    text_clear(text);
    text_add(text, value);
}

void text_free(Text *text)
{
    free(text->data);
    memset(text, 0, sizeof *text);
}

/* Count the bytes of the UTF-8 character that begins here; 0 if it is not one. */
static size_t utf8_length(const unsigned char *at)
{
    static const unsigned int least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = at[0] < 0x80 ? 1 : at[0] >> 5 == 6 ? 2 : at[0] >> 4 == 14 ? 3 : at[0] >> 3 == 30 ? 4 : 0;
    if (length < 2)
        return length;
    unsigned int code = at[0] & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        if (at[i] >> 6 != 2)
            return 0;
        code = code << 6 | (at[i] & 0x3F);
    }
    return code < least[length] || code > 0x10FFFF || (code >> 11) == 0x1B ? 0 : length;
}

void text_quoted(Text *text, const char *value)
{
    text_add(text, "\"");
    for (const unsigned char *at = (const unsigned char *)value; *at;) {
        size_t length = utf8_length(at);
        char escaped[8];
        if (!length) {
            text_add(text, REPLACEMENT);
            length = 1;
        } else if (*at < 0x20 || *at == '"' || *at == '\\') {
            snprintf(escaped, sizeof escaped, "\\u%04x", *at);
            text_add(text, escaped);
        } else {
            text_bytes(text, (const char *)at, length);
        }
        at += length;
    }
    text_add(text, "\"");
}

void text_number(Text *text, double value)
{
    char written[40];
    if (!isfinite(value)) {
        text_add(text, "null");
        return;
    }
    snprintf(written, sizeof written, "%.17g", value);
    for (char *at = written; *at; at++)
        if (!strchr("0123456789+-e", *at))
            *at = '.';
    text_add(text, written);
}

static const char *skip_space(const char *at)
{
    while (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n')
        at++;
    return at;
}

/* Find the end of the string that begins here; NULL if it has none. */
static const char *skip_string(const char *at)
{
    for (at++; *at && *at != '"'; at++)
        if (*at == '\\' && !*++at)
            return NULL;
    return *at ? at + 1 : NULL;
}

/* Find the end of the value that begins here; NULL if it is not a value. */
static const char *skip_value(const char *at)
{
    char closing[MAX_DEPTH];
    int depth = 0;
    do {
        at = skip_space(at);
        if (*at == '"') {
            if (!(at = skip_string(at)))
                return NULL;
        } else if (*at == '{' || *at == '[') {
            if (depth == MAX_DEPTH)
                return NULL;
            closing[depth++] = *at++ == '{' ? '}' : ']';
        } else if (*at == '}' || *at == ']') {
            if (!depth || closing[--depth] != *at++)
                return NULL;
        } else if (depth && (*at == ',' || *at == ':')) {
            at++;
        } else {
            size_t length = strspn(at, "+-.0123456789abcdefghijklmnopqrstuvwxyzEINy");
            if (!length)
                return NULL;
            at += length;
        }
    } while (depth);
    return at;
}

/* Find where a member's value begins; NULL if there is no such member. */
static const char *find_member(const char *line, const char *name)
{
    const char *at = skip_space(line);
    size_t length = strlen(name);
    if (*at++ != '{')
        return NULL;
    while (*(at = skip_space(at)) == '"') {
        const char *key = at + 1, *value = skip_string(at);
        if (!value)
            return NULL;
        int is_it = (size_t)(value - 1 - key) == length && !memcmp(key, name, length);
        value = skip_space(value);
        if (*value++ != ':')
            return NULL;
        value = skip_space(value);
        if (is_it)
            return value;
        if (!(at = skip_value(value)))
            return NULL;
        at = skip_space(at);
        if (*at == ',')
            at++;
    }
    return NULL;
}

static int read_hex(const char *at, unsigned int *code)
{
    *code = 0;
    for (int i = 0; i < 4; i++) {
        const char *digits = "0123456789abcdef0123456789ABCDEF", *found = at[i] ? strchr(digits, at[i]) : NULL;
        if (!found)
            return 0;
        *code = *code * 16 + (unsigned int)(found - digits) % 16;
    }
    return 1;
}

static void add_code(Text *text, unsigned int code)
{
    char bytes[4];
    size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    if (length == 1) {
        bytes[0] = (char)code;
    } else {
        for (size_t i = length - 1; i > 0; i--, code >>= 6)
            bytes[i] = (char)(0x80 | (code & 0x3F));
        bytes[0] = (char)((0xF00u >> length & 0xFF) | code);
    }
    text_bytes(text, bytes, length);
}

/* Read the escape after a backslash; returns where it ends, NULL if it is not one. */
static const char *read_escape(Text *text, const char *at)
{
    static const char names[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const char *found = *at ? strchr(names, *at) : NULL;
    unsigned int code, low;
    if (found) {
        text_bytes(text, &meant[found - names], 1);
        return at + 1;
    }
    if (*at != 'u' || !read_hex(at + 1, &code))
        return NULL;
    at += 5;
    if (code >> 10 == 0x36 && at[0] == '\\' && at[1] == 'u' && read_hex(at + 2, &low) && low >> 10 == 0x37) {
        code = 0x10000 + ((code & 0x3FF) << 10 | (low & 0x3FF));
        at += 6;
    }
    if (!code || code >> 11 == 0x1B)
        text_add(text, REPLACEMENT);
    else
        add_code(text, code);
    return at;
}

char *json_text(const char *line, const char *name)
{
    const char *at = find_member(line, name);
    Text text = {0};
    if (!at || *at++ != '"')
        return NULL;
    text_add(&text, "");
    while (at && *at && *at != '"') {
        if (*at == '\\')
            at = read_escape(&text, at + 1);
        else
            text_bytes(&text, at++, 1);
    }
    if (!at || !*at || text.failed) {
        text_free(&text);
        return NULL;
    }
    return text.data;
}

int json_whole(const char *line, const char *name, long long *value)
{
    const char *at = find_member(line, name);
    int negative = at && *at == '-';
    long long found = 0;
    if (!at || !strchr("0123456789", *(at += negative)) || !*at)
        return 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (found > LLONG_MAX / 10 - 10)
            return 0;
        found = found * 10 + (*at - '0');
    }
    if (*at == '.' || *at == 'e' || *at == 'E')
        return 0;
    *value = negative ? -found : found;
    return 1;
}

int json_is_object(const char *line)
{
    const char *at = skip_space(line);
    return *at == '{' && (at = skip_value(at)) && !*skip_space(at);
}
