/* Functions that differ between systems: a process with pipes, shared memory, time, folders. */
#ifndef REENACT_SYSTEM_H
#define REENACT_SYSTEM_H

#include <stddef.h>

#include "text.h"

typedef struct Process Process;

/* Start a program: NULL-terminated arguments, of which the first is its file. It gets the host's environment without
   variables that would make another Python load the host's libraries. Its stderr goes to the file `log`; if that name
   is empty, a new file is made. Returns NULL, and the reason in `reason`, if it cannot be started. */
Process *process_start(const char *const *arguments, Text *log, Text *reason);
/* Send all bytes within some seconds; returns 0 if the process does not read them. */
int process_send(Process *process, const char *data, size_t length, double seconds);
/* Receive bytes, waiting up to `milliseconds`. Returns their count, 0 for none yet, -1 if the process has closed the
   pipe. */
int process_receive(Process *process, char *data, int size, int milliseconds);
/* Close the pipe, wait some seconds for the process to end, then kill it. */
void process_end(Process *process, double seconds);
/* Free a log's name, and remove the file if it is empty. */
void process_forget(Text *log);

/* Memory that a process of the same user can open by its name. */
typedef struct {
    char *name;
    unsigned char *data;
    size_t size;
    void *handle;
} Mapping;

/* Have at least `size` bytes; their content is not kept. Returns 0, and the reason in `reason`, if there is no room. */
int mapping_need(Mapping *mapping, size_t size, Text *reason);
void mapping_remove(Mapping *mapping);

/* The folder of this library's bundle, three above its file; NULL if it is not known. */
char *system_bundle(void);
double system_seconds(void);
void system_sleep(int milliseconds);
/* The value of an environment variable, or the first line of a file; NULL if there is none. The caller frees it. */
char *system_variable(const char *name);
char *system_line(const char *path);
/* Name a new folder in the user's own folder; it is not made yet. */
void system_new_folder(Text *path);

#endif
