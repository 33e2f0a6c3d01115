/* Declarations of the files for Windows: texts are UTF-8 in the plug-in, UTF-16 in Windows. */
#ifndef REENACT_WIN_H
#define REENACT_WIN_H

#define WIN32_LEAN_AND_MEAN
#define UNICODE
#define _UNICODE
#undef _WIN32_WINNT
#define _WIN32_WINNT 0x0601
#include <windows.h>

#include "system.h"

/* The caller frees them; NULL if there is no memory. */
wchar_t *system_wide(const char *text);
char *system_narrow(const wchar_t *text);
/* Add the message of this thread's last error. */
void system_add_error(Text *reason);

#endif
