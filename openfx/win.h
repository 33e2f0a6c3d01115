/* What the files for Windows share: texts are UTF-8 in the plug-in and UTF-16 there. */
#ifndef REENACT_WIN_H
#define REENACT_WIN_H

#define WIN32_LEAN_AND_MEAN
#define UNICODE
#define _UNICODE
#undef _WIN32_WINNT
#define _WIN32_WINNT 0x0601
#include <windows.h>

#include "system.h"

/* To be freed; NULL for want of memory. */
wchar_t *system_wide(const char *text);
char *system_narrow(const wchar_t *text);
/* Add what went wrong last in this thread. */
void system_add_error(Text *reason);

#endif
