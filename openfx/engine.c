#include "engine.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parameters.h"

/* Seconds: until the engine says hello, from one sign of life to the next, for a cancelled job to end, to take a
   request, and to end by itself. */
static const double HELLO = 60, SILENCE = 60, GRACE = 30, SENDING = 10, ENDING = 2;
/* Milliseconds from look to look; lines that are no event before it is given up; bytes of an event. */
enum { STEP = 20, MOST_NOISE = 100, LONGEST = 1 << 24 };
/* Not -m: that would import modules from the host's working directory. Files that the host has open are its own. */
static const char CODE[] =
    "import os, sys; sys.path[:] = [p for p in sys.path if p]; os.name == 'posix' and os.closerange(3, 4096); "
    "import runpy; runpy.run_module('ofx_reenact', run_name='__main__', alter_sys=True)";

struct Engine {
    char *python;
    atomic_flag taken;
    Process *process;
    int greeted;
    long long latest, running; /* ids: of the last request, and of one that was cancelled and has not ended yet, or 0 */
    Text heard, line, log;
    double since; /* when it was started, or last heard */
    Mapping mapping;
    Engine *next;
};

static atomic_flag listing = ATOMIC_FLAG_INIT;
static Engine *engines;

Engine *engine_of(const char *python)
{
    while (atomic_flag_test_and_set(&listing))
        system_sleep(1);
    Engine *engine = engines;
    while (engine && strcmp(engine->python, python))
        engine = engine->next;
    if (!engine && (engine = calloc(1, sizeof *engine))) {
        Text name = {0};
        text_add(&name, python);
        engine->python = name.data;
        if (name.failed) {
            free(engine);
            engine = NULL;
        } else {
            atomic_flag_clear(&engine->taken);
            engine->next = engines;
            engines = engine;
        }
    }
    atomic_flag_clear(&listing);
    return engine;
}

Mapping *engine_mapping(Engine *engine)
{
    return &engine->mapping;
}

void engine_give(Engine *engine)
{
    atomic_flag_clear(&engine->taken);
}

/* With the process goes its memory: an engine whose client hangs up removes what that has left. */
static void end(Engine *engine)
{
    process_end(engine->process, ENDING);
    mapping_remove(&engine->mapping);
    engine->process = NULL;
    engine->greeted = 0;
    engine->running = 0;
    text_clear(&engine->heard);
}

void engine_end_all(void)
{
    while (engines) {
        Engine *engine = engines;
        engines = engine->next;
        end(engine);
        process_forget(&engine->log);
        text_free(&engine->heard);
        text_free(&engine->line);
        free(engine->python);
        free(engine);
    }
}

/* Say something for people: parts of a sentence, NULL-ended, and where the engine's log is. */
static Answer fail(Engine *engine, Text *said, const char *const *parts)
{
    text_clear(said);
    for (; *parts; parts++)
        text_add(said, *parts);
    if (engine->log.length) {
        text_add(said, " Log: ");
        text_add(said, engine->log.data);
    }
    return ANSWER_FAILED;
}
#define FAIL(...) fail(engine, said, (const char *const[]){__VA_ARGS__, NULL})

/* Move the next line of what was heard into `line`; returns whether there is one. */
static int next_line(Engine *engine)
{
    Text *heard = &engine->heard;
    char *end = heard->length ? memchr(heard->data, '\n', heard->length) : NULL;
    if (!end)
        return 0;
    size_t length = (size_t)(end - heard->data);
    text_clear(&engine->line);
    text_bytes(&engine->line, heard->data, length);
    heard->length -= length + 1;
    memmove(heard->data, end + 1, heard->length);
    return 1;
}

/* Wait a moment for a line. Returns 1 for one, 0 for none yet, -1 once the engine has hung up, or says no lines. */
static int listen(Engine *engine)
{
    char block[1 << 14];
    if (next_line(engine))
        return 1;
    int count = process_receive(engine->process, block, sizeof block, STEP);
    if (count < 0 || engine->heard.failed || engine->heard.length > LONGEST)
        return -1;
    if (count > 0) {
        engine->since = system_seconds();
        text_bytes(&engine->heard, block, (size_t)count);
    }
    return next_line(engine);
}

static int is_event(const char *line, const char *name)
{
    char *event = json_is_object(line) ? json_text(line, "event") : NULL;
    int same = event && !strcmp(event, name);
    free(event);
    return same;
}

static Answer start(Engine *engine, Text *said)
{
    const char *const arguments[] = {engine->python, "-c", CODE, "engine", "serve", NULL};
    Text reason = {0};
    engine->process = process_start(arguments, &engine->log, &reason);
    engine->since = system_seconds();
    Answer answer = ANSWER_DONE;
    if (!engine->process)
        answer = FAIL("The engine cannot be started: ", engine->python, ": ", reason.length ? reason.data : "no memory",
                      ". Name the Python that ofx-reenact is installed in.");
    text_free(&reason);
    return answer;
}

/* Hear the engine's first event. */
static Answer greet(Engine *engine, const Waiting *waiting, Text *said)
{
    for (int noise = 0; noise < MOST_NOISE;) {
        int found = listen(engine);
        if (found > 0 && is_event(engine->line.data, "hello"))
            break;
        noise += found > 0;
        if (found < 0 || noise == MOST_NOISE) {
            end(engine);
            return FAIL("The engine ended at once, or is none: is ofx-reenact installed in ", engine->python,
                        "? Try '", engine->python, " -m ofx_reenact doctor'.");
        }
        if (system_seconds() - engine->since > HELLO) {
            end(engine);
            return FAIL("The engine does not answer: ", engine->python, ".");
        }
        if (waiting->stop(waiting->context, -1))
            return ANSWER_STOPPED;
    }
    long long protocol = 0;
    char *version = json_text(engine->line.data, "version");
    json_whole(engine->line.data, "protocol", &protocol);
    int same = version && !strcmp(version, REENACT_VERSION) && protocol == REENACT_PROTOCOL;
    engine->greeted = same;
    Answer answer = ANSWER_DONE;
    if (!same) {
        end(engine);
        answer = FAIL("The engine in ", engine->python, " is ofx-reenact ", version ? version : "of no version",
                      protocol == REENACT_PROTOCOL ? "" : ", of another protocol",
                      "; this plug-in is of " REENACT_VERSION ": run '", engine->python,
                      " -m ofx_reenact ofx install', or name the Python of that version.");
    }
    free(version);
    return answer;
}

/* Wait for a job that was cancelled to end; one that does not is ended with its engine. */
static Answer drain(Engine *engine, const Waiting *waiting)
{
    double until = system_seconds() + GRACE;
    while (engine->running) {
        long long id;
        int found = listen(engine);
        if (found < 0 || system_seconds() > until)
            end(engine);
        else if (found > 0 && json_whole(engine->line.data, "id", &id) && id == engine->running &&
                 !is_event(engine->line.data, "progress") && !is_event(engine->line.data, "alive"))
            engine->running = 0;
        else if (waiting->stop(waiting->context, -1))
            return ANSWER_STOPPED;
    }
    return ANSWER_DONE;
}

Answer engine_take(Engine *engine, const Waiting *waiting, Text *said)
{
    while (atomic_flag_test_and_set(&engine->taken)) {
        system_sleep(STEP / 4);
        if (waiting->stop(waiting->context, -1))
            return ANSWER_STOPPED;
    }
    Answer answer = drain(engine, waiting);
    /* One that ended while nobody asked it has hung up. */
    if (answer == ANSWER_DONE && engine->process && engine->greeted && listen(engine) < 0)
        end(engine);
    if (answer == ANSWER_DONE && !engine->process)
        answer = start(engine, said);
    if (answer == ANSWER_DONE && !engine->greeted)
        answer = greet(engine, waiting, said);
    if (answer != ANSWER_DONE)
        engine_give(engine);
    return answer;
}

static void cancel(Engine *engine, long long job)
{
    char line[100];
    long long id = ++engine->latest;
    int length = snprintf(line, sizeof line, "{\"id\": %lld, \"do\": \"cancel\", \"job\": %lld}\n", id, job);
    engine->running = job;
    if (!process_send(engine->process, line, (size_t)length, SENDING))
        end(engine);
}

/* What an event of a job means: whether it was its last, and how much is done. */
static int is_last(const char *line, double *share)
{
    long long done, total;
    if (is_event(line, "progress")) {
        if (json_whole(line, "done", &done) && json_whole(line, "total", &total) && total > 0)
            *share = (double)done / (double)total;
        return 0;
    }
    return !is_event(line, "alive");
}

Answer engine_ask(Engine *engine, const char *job, const char *members, const Waiting *waiting, Text *said)
{
    char head[100];
    Text request = {0};
    long long id = ++engine->latest, found;
    double share = -1;
    snprintf(head, sizeof head, "{\"id\": %lld, \"alive\": 1.0, \"do\": \"%s\", ", id, job);
    text_add(&request, head);
    text_add(&request, members);
    text_add(&request, "}\n");
    int sent = !request.failed && process_send(engine->process, request.data, request.length, SENDING);
    text_free(&request);
    engine->since = system_seconds();
    for (int heard; sent;) {
        if ((heard = listen(engine)) < 0)
            break;
        const char *line = engine->line.data;
        /* What the engine could not read has no id. */
        int is_ours = heard && json_is_object(line) &&
                      (json_whole(line, "id", &found) ? found == id : is_event(line, "error"));
        if (is_ours && is_last(line, &share)) {
            char *message = json_text(line, "message");
            int done = is_event(line, "done");
            text_set(said, done ? line : message ? message : "The engine gave no reason.");
            free(message);
            return done ? ANSWER_DONE : is_event(line, "cancelled") ? ANSWER_STOPPED : ANSWER_FAILED;
        }
        if (system_seconds() - engine->since > SILENCE)
            break;
        if (waiting->stop(waiting->context, share)) {
            cancel(engine, id);
            return ANSWER_STOPPED;
        }
    }
    end(engine);
    return FAIL("The engine ended in the middle of its work, or gave no sign of life; the next frame starts another.");
}
