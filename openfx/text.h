/* Text that grows, and the JSON of the engine's protocol: one object a line (docs/engine.md). */
#ifndef REENACT_TEXT_H
#define REENACT_TEXT_H

#include <stddef.h>

/* Starts as {0}; ends with text_free. Where memory is short it stays as it is and says so in `failed`. */
typedef struct {
    char *data;
    size_t length, size;
    int failed;
} Text;

void text_add(Text *text, const char *more);
void text_set(Text *text, const char *value);
void text_bytes(Text *text, const char *more, size_t length);
/* A JSON string; what is no UTF-8 becomes the replacement character. */
void text_quoted(Text *text, const char *value);
/* A JSON number, whatever decimal point the host's language has; null for what is no number. */
void text_number(Text *text, double value);
void text_clear(Text *text);
void text_free(Text *text);

/* A member of the object in `line`: its text, to be freed, or NULL if it is not there or no string. */
char *json_text(const char *line, const char *name);
/* A whole number; 0 if it is not there or none, else 1. */
int json_whole(const char *line, const char *name, long long *value);
/* Whether the line holds one object and nothing else. */
int json_is_object(const char *line);

#endif
