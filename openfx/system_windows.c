#ifdef _WIN32
#include "win.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

wchar_t *system_wide(const char *text)
{
    int length = MultiByteToWideChar(CP_UTF8, 0, text, -1, NULL, 0);
    wchar_t *wide = length > 0 ? calloc((size_t)length, sizeof *wide) : NULL;
    if (wide)
        MultiByteToWideChar(CP_UTF8, 0, text, -1, wide, length);
    return wide;
}

char *system_narrow(const wchar_t *text)
{
    int length = WideCharToMultiByte(CP_UTF8, 0, text, -1, NULL, 0, NULL, NULL);
    char *narrow = length > 0 ? calloc((size_t)length, 1) : NULL;
    if (narrow)
        WideCharToMultiByte(CP_UTF8, 0, text, -1, narrow, length, NULL, NULL);
    return narrow;
}

void system_add_error(Text *reason)
{
    DWORD code = GetLastError();
    wchar_t wide[512] = L"";
    char number[40];
    DWORD length = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, NULL, code, 0, wide,
                                  sizeof wide / sizeof *wide, NULL);
    while (length && wcschr(L"\r\n.", wide[length - 1]))
        wide[--length] = 0;
    char *text = system_narrow(wide);
    snprintf(number, sizeof number, "error %lu", code);
    text_add(reason, text && *text ? text : number);
    free(text);
}

char *system_bundle(void)
{
    static const int here = 0; /* an address in this library */
    HMODULE library = NULL;
    wchar_t path[4096];
    DWORD flags = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT;
    if (!GetModuleHandleExW(flags, (LPCWSTR)&here, &library))
        return NULL;
    DWORD length = GetModuleFileNameW(library, path, sizeof path / sizeof *path);
    if (!length || length == sizeof path / sizeof *path)
        return NULL;
    for (int up = 0; up < 3; up++) {
        wchar_t *last = wcsrchr(path, L'\\');
        if (last)
            *last = 0;
    }
    return system_narrow(path);
}

double system_seconds(void)
{
    return (double)GetTickCount64() / 1000;
}

void system_sleep(int milliseconds)
{
    Sleep((DWORD)milliseconds);
}

static char *variable(const wchar_t *name)
{
    wchar_t value[4096];
    DWORD length = GetEnvironmentVariableW(name, value, sizeof value / sizeof *value);
    return length && length < sizeof value / sizeof *value ? system_narrow(value) : NULL;
}

char *system_variable(const char *name)
{
    wchar_t *wide = system_wide(name);
    char *value = wide ? variable(wide) : NULL;
    free(wide);
    return value;
}

char *system_line(const char *path)
{
    char line[4096];
    wchar_t *wide = system_wide(path);
    FILE *file = wide ? _wfopen(wide, L"rb") : NULL;
    char *found = file && fgets(line, sizeof line, file) ? line : NULL;
    if (file)
        fclose(file);
    free(wide);
    if (!found)
        return NULL;
    line[strcspn(line, "\r\n")] = 0;
    return *line ? _strdup(line) : NULL;
}

void system_new_folder(Text *path)
{
    char *home = variable(L"USERPROFILE");
    char name[80];
    SYSTEMTIME now;
    GetLocalTime(&now);
    snprintf(name, sizeof name, "/Reenact/%04u%02u%02u-%02u%02u%02u-%lu", now.wYear, now.wMonth, now.wDay, now.wHour,
             now.wMinute, now.wSecond, GetCurrentProcessId());
    text_add(path, home ? home : "C:");
    text_add(path, name);
    for (char *at = path->data; at && *at; at++)
        if (*at == '\\')
            *at = '/';
    free(home);
}

int mapping_need(Mapping *mapping, size_t size, Text *reason)
{
    static LONG made;
    char name[80];
    if (mapping->size >= size)
        return 1;
    mapping_remove(mapping);
    snprintf(name, sizeof name, "Local\\reenact-%lu-%ld", GetCurrentProcessId(), InterlockedIncrement(&made));
    wchar_t *wide = system_wide(name);
    unsigned long long bytes = size;
    HANDLE handle = !wide ? NULL
                          : CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, (DWORD)(bytes >> 32),
                                               (DWORD)bytes, wide);
    /* A mapping of this name that exists already is another program's. */
    if (handle && GetLastError() == ERROR_ALREADY_EXISTS) {
        CloseHandle(handle);
        handle = NULL;
    }
    mapping->data = handle ? MapViewOfFile(handle, FILE_MAP_ALL_ACCESS, 0, 0, size) : NULL;
    if (mapping->data) {
        mapping->name = _strdup(name);
        mapping->size = size;
        mapping->handle = handle;
    } else {
        text_set(reason, "no shared memory for the frame: ");
        system_add_error(reason);
        if (handle)
            CloseHandle(handle);
    }
    free(wide);
    return mapping->data != NULL;
}

void mapping_remove(Mapping *mapping)
{
    if (mapping->data) {
        UnmapViewOfFile(mapping->data);
        CloseHandle(mapping->handle);
    }
    free(mapping->name);
    memset(mapping, 0, sizeof *mapping);
}
#endif
