#include "engine.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parameters.h"

/* Longest times in seconds: until the event hello, between two events, from a cancel to the job's end, to send a
   request, and to end after the pipe is closed. */
static const double HELLO_SECONDS = 60, SILENCE_SECONDS = 60, CANCEL_SECONDS = 30, SEND_SECONDS = 10, END_SECONDS = 2;
/* One wait for an event in milliseconds; lines before the event hello that may be no events; bytes of an event. */
enum { POLL_MILLISECONDS = 20, MAX_OTHER_LINES = 100, MAX_EVENT_BYTES = 1 << 24 };
/* Not -m: that would import modules from the host's working directory. closerange: the engine must not inherit files
   that the host has open. */
static const char CODE[] =
    "import os, sys; sys.path[:] = [p for p in sys.path if p]; os.name == 'posix' and os.closerange(3, 4096); "
    "import runpy; runpy.run_module('ofx_reenact', run_name='__main__', alter_sys=True)";

struct Engine {
    char *python;
    atomic_flag taken;
    Process *process;
    int is_ready; /* its event hello was right */
    long long last_id, cancelled_id; /* of requests: the last one; one that was cancelled and has not ended, or 0 */
    Text received, line, log; /* bytes that are no whole line yet, the last line, the log's file name */
    double last_event;        /* seconds: when it was started, or its last bytes came */
    Mapping mapping;
    Engine *next;
};

static atomic_flag list_lock = ATOMIC_FLAG_INIT;
static Engine *engines;

Engine *engine_of(const char *python)
{
    while (atomic_flag_test_and_set(&list_lock))
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
    atomic_flag_clear(&list_lock);
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

/* End the process and remove its shared memory. */
static void end(Engine *engine)
{
    process_end(engine->process, END_SECONDS);
    mapping_remove(&engine->mapping);
    engine->process = NULL;
    engine->is_ready = 0;
    engine->cancelled_id = 0;
    text_clear(&engine->received);
}

void engine_end_all(void)
{
    while (engines) {
        Engine *engine = engines;
        engines = engine->next;
        end(engine);
        process_forget(&engine->log);
        text_free(&engine->received);
        text_free(&engine->line);
        free(engine->python);
        free(engine);
    }
}

/* Set `outcome` to a message for the user: its parts, NULL-terminated, and the engine's log. */
static Answer set_failure(Engine *engine, Text *outcome, const char *const *parts)
{
    text_clear(outcome);
    for (; *parts; parts++)
        text_add(outcome, *parts);
    if (engine->log.length) {
        text_add(outcome, " Log: ");
        text_add(outcome, engine->log.data);
    }
    return ANSWER_FAILED;
}
#define FAIL(...) set_failure(engine, outcome, (const char *const[]){__VA_ARGS__, NULL})

/* Move the next received line into `line`; returns 0 if there is no whole line. */
static int next_line(Engine *engine)
{
    Text *received = &engine->received;
    char *end = received->length ? memchr(received->data, '\n', received->length) : NULL;
    if (!end)
        return 0;
    size_t length = (size_t)(end - received->data);
    text_clear(&engine->line);
    text_bytes(&engine->line, received->data, length);
    received->length -= length + 1;
    memmove(received->data, end + 1, received->length);
    return 1;
}

/* Wait up to POLL_MILLISECONDS for a line. Returns 1 for a line, 0 for none yet, -1 if the engine has closed the pipe,
   or sends a line that is too long. */
static int wait_for_line(Engine *engine)
{
    char block[1 << 14];
    if (next_line(engine))
        return 1;
    int count = process_receive(engine->process, block, sizeof block, POLL_MILLISECONDS);
    if (count < 0 || engine->received.failed || engine->received.length > MAX_EVENT_BYTES)
        return -1;
    if (count > 0) {
        engine->last_event = system_seconds();
        text_bytes(&engine->received, block, (size_t)count);
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

static Answer start(Engine *engine, Text *outcome)
{
    const char *const arguments[] = {engine->python, "-c", CODE, "engine", "serve", NULL};
    Text reason = {0};
    engine->process = process_start(arguments, &engine->log, &reason);
    engine->last_event = system_seconds();
    Answer answer = ANSWER_DONE;
    if (!engine->process)
        answer = FAIL("The engine cannot be started: ", engine->python, ": ", reason.length ? reason.data : "no memory",
                      ". Name the Python that ofx-reenact is installed in.");
    text_free(&reason);
    return answer;
}

/* Wait for the event hello and check the engine's version. */
static Answer wait_for_hello(Engine *engine, const Waiting *waiting, Text *outcome)
{
    for (int other_lines = 0; other_lines < MAX_OTHER_LINES;) {
        int found = wait_for_line(engine);
        if (found > 0 && is_event(engine->line.data, "hello"))
            break;
        other_lines += found > 0;
        if (found < 0 || other_lines == MAX_OTHER_LINES) {
            end(engine);
            return FAIL("The engine ended at once, or is none: is ofx-reenact installed in ", engine->python,
                        "? Try '", engine->python, " -m ofx_reenact doctor'.");
        }
        if (system_seconds() - engine->last_event > HELLO_SECONDS) {
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
    engine->is_ready = same;
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

/* Wait until a cancelled job has ended; if it does not end in time, end the engine. */
static Answer wait_for_cancelled(Engine *engine, const Waiting *waiting)
{
    double until = system_seconds() + CANCEL_SECONDS;
    while (engine->cancelled_id) {
        long long id;
        int found = wait_for_line(engine);
        if (found < 0 || system_seconds() > until)
            end(engine);
        else if (found > 0 && json_whole(engine->line.data, "id", &id) && id == engine->cancelled_id &&
                 !is_event(engine->line.data, "progress") && !is_event(engine->line.data, "alive"))
            engine->cancelled_id = 0;
        else if (waiting->stop(waiting->context, -1))
            return ANSWER_STOPPED;
    }
    return ANSWER_DONE;
}

Answer engine_take(Engine *engine, const Waiting *waiting, Text *outcome)
{
    while (atomic_flag_test_and_set(&engine->taken)) {
        system_sleep(POLL_MILLISECONDS / 4);
        if (waiting->stop(waiting->context, -1))
            return ANSWER_STOPPED;
    }
    Answer answer = wait_for_cancelled(engine, waiting);
    /* It may have ended after its last request. */
    if (answer == ANSWER_DONE && engine->process && engine->is_ready && wait_for_line(engine) < 0)
        end(engine);
    if (answer == ANSWER_DONE && !engine->process)
        answer = start(engine, outcome);
    if (answer == ANSWER_DONE && !engine->is_ready)
        answer = wait_for_hello(engine, waiting, outcome);
    if (answer != ANSWER_DONE)
        engine_give(engine);
    return answer;
}

static void cancel(Engine *engine, long long job)
{
    char line[100];
    long long id = ++engine->last_id;
    int length = snprintf(line, sizeof line, "{\"id\": %lld, \"do\": \"cancel\", \"job\": %lld}\n", id, job);
    engine->cancelled_id = job;
    if (!process_send(engine->process, line, (size_t)length, SEND_SECONDS))
        end(engine);
}

/* Tell whether an event is a job's last; from the event progress, set the fraction that is done. */
static int is_last(const char *line, double *fraction)
{
    long long done, total;
    if (is_event(line, "progress")) {
        if (json_whole(line, "done", &done) && json_whole(line, "total", &total) && total > 0)
            *fraction = (double)done / (double)total;
        return 0;
    }
    return !is_event(line, "alive");
}

Answer engine_ask(Engine *engine, const char *job, const char *members, const Waiting *waiting, Text *outcome)
{
    char head[100];
    Text request = {0};
    long long id = ++engine->last_id, found;
    double fraction = -1;
    snprintf(head, sizeof head, "{\"id\": %lld, \"alive\": 1.0, \"do\": \"%s\", ", id, job);
    text_add(&request, head);
    text_add(&request, members);
    text_add(&request, "}\n");
    int sent = !request.failed && process_send(engine->process, request.data, request.length, SEND_SECONDS);
    text_free(&request);
    engine->last_event = system_seconds();
    for (int found_line; sent;) {
        if ((found_line = wait_for_line(engine)) < 0)
            break;
        const char *line = engine->line.data;
        /* If the engine could not read the request, its error has no id. */
        int is_ours = found_line && json_is_object(line) &&
                      (json_whole(line, "id", &found) ? found == id : is_event(line, "error"));
        if (is_ours && is_last(line, &fraction)) {
            char *message = json_text(line, "message");
            int done = is_event(line, "done");
            text_set(outcome, done ? line : message ? message : "The engine gave no reason.");
            free(message);
            return done ? ANSWER_DONE : is_event(line, "cancelled") ? ANSWER_STOPPED : ANSWER_FAILED;
        }
        if (system_seconds() - engine->last_event > SILENCE_SECONDS)
            break;
        if (waiting->stop(waiting->context, fraction)) {
            cancel(engine, id);
            return ANSWER_STOPPED;
        }
    }
    end(engine);
    return FAIL("The engine ended in the middle of its work, or gave no sign of life; the next frame starts another.");
}
