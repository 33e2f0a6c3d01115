/* The engine, a process of `ofx-reenact engine serve` (docs/engine.md), that instances which name the same Python
   share: each takes it, asks, and gives it back. It starts when it is first taken, and anew after it has ended. */
#ifndef REENACT_ENGINE_H
#define REENACT_ENGINE_H

#include "system.h"
#include "text.h"

typedef struct Engine Engine;

/* Whoever waits: `stop` is asked all the time whether to give up, and told what share is done, -1 for unknown. */
typedef struct {
    int (*stop)(void *context, double share);
    void *context;
} Waiting;

typedef enum { ANSWER_DONE, ANSWER_FAILED, ANSWER_STOPPED } Answer;

/* The engine of a Python's file; NULL for want of memory. */
Engine *engine_of(const char *python);
/* Wait until it is free and speaks, and keep others off. Only after ANSWER_DONE is it to be given back; after
   ANSWER_FAILED `said` holds a sentence for people. */
Answer engine_take(Engine *engine, const Waiting *waiting, Text *said);
void engine_give(Engine *engine);
/* Ask for a job: its name, and the members of its request, as `"settings": {}`. `said` becomes the event `done`, or a
   sentence for people. A job that is given up is cancelled; the engine stays. */
Answer engine_ask(Engine *engine, const char *job, const char *members, const Waiting *waiting, Text *said);
/* Shared memory of this engine's requests: whoever has taken it may use it. */
Mapping *engine_mapping(Engine *engine);
void engine_end_all(void);

#endif
