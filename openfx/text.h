/* Text of any length, and the JSON of the engine's protocol: one object in each line (docs/engine.md). */
#ifndef REENACT_TEXT_H
#define REENACT_TEXT_H

#include <stddef.h>

/* Initialise with {0}, free with text_free. If there is no memory, the text is unchanged and `failed` is 1. */
typedef struct {
    char *data;
    size_t length, size;
    int failed;
} Text;

void text_add(Text *text, const char *more);
void text_set(Text *text, const char *value);
void text_bytes(Text *text, const char *more, size_t length);
/* Add a JSON string; bytes that are not UTF-8 become the replacement character U+FFFD. */
void text_quoted(Text *text, const char *value);
/* Add a JSON number, with a point in every locale; null if it is not finite. */
void text_number(Text *text, double value);
void text_clear(Text *text);
void text_free(Text *text);

/* Read a member of the object in `line`: a string, which the caller frees; NULL if there is none. */
char *json_text(const char *line, const char *name);
/* Read a member that is a whole number; returns 0 if there is none. */
int json_whole(const char *line, const char *name, long long *value);
/* Tell whether the line is one object and nothing else. */
int json_is_object(const char *line);

#endif
