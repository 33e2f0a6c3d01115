/* Declarations of the files for Linux and macOS. */
#ifndef REENACT_POSIX_H
#define REENACT_POSIX_H

#include "system.h"

const char *system_temporary_folder(void);
/* Make a file that only this user can read, with a name that nobody can guess; returns its descriptor, -1 on failure.
   The caller frees the name. */
int system_make_file(const char *folder, const char *kind, char **name);
/* Remove such files of hosts that have ended, if they are at least `seconds` old. */
void system_remove_left(const char *folder, const char *kind, double seconds);

#endif
