/* What differs between systems: a process at the other end of two pipes, shared memory, time, folders. */
#ifndef REENACT_SYSTEM_H
#define REENACT_SYSTEM_H

#include <stddef.h>

#include "text.h"

typedef struct Process Process;

/* Start a program with arguments, NULL-ended, of which the first is its file. It has the host's environment but what
   would make another Python load the host's libraries. What it says on stderr goes to the file that `log` names; an
   empty name becomes that of a new one. Returns NULL, and why in `reason`, where it cannot be started. */
Process *process_start(const char *const *arguments, Text *log, Text *reason);
/* Send all of it within seconds; returns 0 if the process does not take it. */
int process_send(Process *process, const char *data, size_t length, double seconds);
/* Wait for what the process says, up to milliseconds. Returns bytes read, 0 for none yet, -1 once it has hung up. */
int process_receive(Process *process, char *data, int size, int milliseconds);
/* Hang up, give it seconds to end, and end it. */
void process_end(Process *process, double seconds);
/* Free a log's name, and remove the file if nothing was said. */
void process_forget(Text *log);

/* Memory that is shared with a process of the same user, by a name that it can open. */
typedef struct {
    char *name;
    unsigned char *data;
    size_t size;
    void *handle;
} Mapping;

/* Make room for bytes; what is there is kept if it is large enough, but not what is in it. Returns 0, and why in
   `reason`, if there is no room. */
int mapping_need(Mapping *mapping, size_t size, Text *reason);
void mapping_remove(Mapping *mapping);

/* The folder of the bundle that this library lies in: three above its file; NULL where that cannot be told. */
char *system_bundle(void);
double system_seconds(void);
void system_sleep(int milliseconds);
/* The value of an environment variable, or of the first line of a file; NULL without one. To be freed. */
char *system_variable(const char *name);
char *system_line(const char *path);
/* A new name for a folder in the user's own, which is not made yet. */
void system_new_folder(Text *path);

#endif
