/* The engine: a process `ofx-reenact engine serve` (docs/engine.md). Instances with the same Python share it: each
   takes it, sends requests, and gives it back. It starts when it is first taken, and again after it has ended. */
#ifndef REENACT_ENGINE_H
#define REENACT_ENGINE_H

#include "system.h"
#include "text.h"

typedef struct Engine Engine;

/* `stop` is called again and again during a wait, with the fraction that is done, 0 to 1, or -1 if it is not known. If
   it returns 1, the wait ends. */
typedef struct {
    int (*stop)(void *context, double fraction);
    void *context;
} Waiting;

typedef enum { ANSWER_DONE, ANSWER_FAILED, ANSWER_STOPPED } Answer;

/* The engine of a Python's file; NULL if there is no memory. */
Engine *engine_of(const char *python);
/* Wait until the engine is free and running, and lock it. After ANSWER_DONE the caller must give it back; after
   ANSWER_FAILED `outcome` is a message for the user. */
Answer engine_take(Engine *engine, const Waiting *waiting, Text *outcome);
void engine_give(Engine *engine);
/* Send a request and wait for its end: the job's name, and the request's members, such as `"settings": {}`. `outcome`
   becomes the event `done`, or a message for the user. If `stop` ends the wait, the job is cancelled; the engine goes
   on. */
Answer engine_ask(Engine *engine, const char *job, const char *members, const Waiting *waiting, Text *outcome);
/* Shared memory for this engine's requests; only for the caller that has taken the engine. */
Mapping *engine_mapping(Engine *engine);
void engine_end_all(void);

#endif
