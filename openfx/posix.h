/* What the files for Linux and macOS share. */
#ifndef REENACT_POSIX_H
#define REENACT_POSIX_H

#include "system.h"

const char *system_temporary_folder(void);
/* Make a file of this user's own, of a name that nobody can guess; returns its descriptor, -1 without. The name is to
   be freed. */
int system_make_file(const char *folder, const char *kind, char **name);
/* Remove such files of hosts that have ended, if they are that old. */
void system_remove_left(const char *folder, const char *kind, double seconds);

#endif
