#ifdef _WIN32
#include "win.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct Process {
    HANDLE process, requests, events; /* requests are written, events are read */
};

/* Buffer of the pipe of requests, in bytes: larger than any request, so that writing never waits. */
enum { HOLDS = 1 << 22 };

/* Add an argument as Windows programs parse a command line: quoted; quotes, and backslashes before them, escaped. */
static void add_argument(Text *line, const char *argument)
{
    text_add(line, line->length ? " \"" : "\"");
    for (const char *at = argument; *at; at++) {
        size_t slashes = strspn(at, "\\");
        char next = at[slashes];
        for (size_t i = 0; i < (next == '"' || !next ? 2 * slashes : slashes); i++)
            text_add(line, "\\");
        if (!next)
            break;
        at += slashes;
        text_bytes(line, next == '"' ? "\\\"" : at, next == '"' ? 2 : 1);
    }
    text_add(line, "\"");
}

static int is_foreign(const wchar_t *entry)
{
    static const wchar_t *const foreign[] = {L"PYTHONPATH=", L"PYTHONHOME=", L"QT_", L"OCIO=ocio://ocio://"};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if (!_wcsnicmp(entry, foreign[i], wcslen(foreign[i])))
            return 1;
    return 0;
}

/* The host's environment without variables that would make another Python load the host's libraries, and without an
   OCIO config that MLT names and no library knows. The caller frees it. */
static wchar_t *clean_environment(void)
{
    static const wchar_t more[] = L"PYTHONUTF8=1";
    wchar_t *all = GetEnvironmentStringsW(), *entry = all;
    size_t length = 0;
    while (all && *entry) {
        length += wcslen(entry) + 1;
        entry += wcslen(entry) + 1;
    }
    wchar_t *result = calloc(length + sizeof more / sizeof *more + 2, sizeof *result), *to = result;
    for (entry = all; result && all && *entry; entry += wcslen(entry) + 1)
        if (!is_foreign(entry)) {
            wcscpy(to, entry);
            to += wcslen(entry) + 1;
        }
    if (result)
        wcscpy(to, more);
    if (all)
        FreeEnvironmentStringsW(all);
    return result;
}

/* Open the log; make one if it has no name yet. INVALID_HANDLE_VALUE on failure. */
static HANDLE open_log(Text *log, SECURITY_ATTRIBUTES *inherited)
{
    wchar_t folder[MAX_PATH], path[MAX_PATH + 60];
    wchar_t *before = log->length ? system_wide(log->data) : NULL;
    if (before) {
        HANDLE file = CreateFileW(before, FILE_APPEND_DATA, FILE_SHARE_READ | FILE_SHARE_WRITE, inherited,
                                  OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
        free(before);
        if (file != INVALID_HANDLE_VALUE)
            return file;
    }
    text_clear(log);
    DWORD length = GetEnvironmentVariableW(L"OFX_REENACT_LOG_DIR", folder, MAX_PATH);
    if (!length || length >= MAX_PATH)
        length = GetTempPathW(MAX_PATH, folder);
    if (!length || length >= MAX_PATH)
        return INVALID_HANDLE_VALUE;
    if (folder[length - 1] == L'\\')
        folder[length - 1] = 0;
    _snwprintf(path, sizeof path / sizeof *path, L"%ls\\reenact-log-%lu-%llu", folder, GetCurrentProcessId(),
               (unsigned long long)GetTickCount64());
    HANDLE file = CreateFileW(path, GENERIC_WRITE, FILE_SHARE_READ, inherited, CREATE_NEW, FILE_ATTRIBUTE_NORMAL, NULL);
    char *name = file == INVALID_HANDLE_VALUE ? NULL : system_narrow(path);
    if (name)
        text_add(log, name);
    free(name);
    return file;
}

/* Start a program that inherits only these three handles; returns its process, NULL on failure. */
static HANDLE spawn(wchar_t *line, HANDLE handles[3])
{
    STARTUPINFOEXW start = {.StartupInfo = {.cb = sizeof start, .dwFlags = STARTF_USESTDHANDLES}};
    PROCESS_INFORMATION made = {0};
    SIZE_T size = 0;
    wchar_t *environment = clean_environment();
    InitializeProcThreadAttributeList(NULL, 1, 0, &size);
    start.lpAttributeList = malloc(size);
    start.StartupInfo.hStdInput = handles[0];
    start.StartupInfo.hStdOutput = handles[1];
    start.StartupInfo.hStdError = handles[2];
    int count = handles[2] == INVALID_HANDLE_VALUE ? 2 : 3;
    if (environment && start.lpAttributeList && InitializeProcThreadAttributeList(start.lpAttributeList, 1, 0, &size)) {
        UpdateProcThreadAttribute(start.lpAttributeList, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, handles,
                                  (SIZE_T)count * sizeof *handles, NULL, NULL);
        CreateProcessW(NULL, line, NULL, NULL, TRUE,
                       CREATE_NO_WINDOW | CREATE_UNICODE_ENVIRONMENT | EXTENDED_STARTUPINFO_PRESENT, environment, NULL,
                       &start.StartupInfo, &made);
        DWORD code = GetLastError();
        DeleteProcThreadAttributeList(start.lpAttributeList);
        SetLastError(code);
    }
    if (made.hThread)
        CloseHandle(made.hThread);
    free(start.lpAttributeList);
    free(environment);
    return made.hProcess;
}

static void shut(HANDLE handle)
{
    if (handle && handle != INVALID_HANDLE_VALUE)
        CloseHandle(handle);
}

Process *process_start(const char *const *arguments, Text *log, Text *reason)
{
    SECURITY_ATTRIBUTES inherited = {sizeof inherited, NULL, TRUE};
    Process *process = calloc(1, sizeof *process);
    HANDLE theirs[3] = {NULL, NULL, INVALID_HANDLE_VALUE};
    Text line = {0};
    wchar_t *wide = NULL;
    for (size_t i = 0; arguments[i]; i++)
        add_argument(&line, arguments[i]);
    if (process && !line.failed && (wide = system_wide(line.data)) &&
        CreatePipe(&theirs[0], &process->requests, &inherited, HOLDS) &&
        CreatePipe(&process->events, &theirs[1], &inherited, 0)) {
        SetHandleInformation(process->requests, HANDLE_FLAG_INHERIT, 0);
        SetHandleInformation(process->events, HANDLE_FLAG_INHERIT, 0);
        theirs[2] = open_log(log, &inherited);
        process->process = spawn(wide, theirs);
    }
    if (!process || !process->process)
        system_add_error(reason);
    for (int i = 0; i < 3; i++)
        shut(theirs[i]);
    text_free(&line);
    free(wide);
    if (process && !process->process) {
        shut(process->requests);
        shut(process->events);
        free(process);
        return NULL;
    }
    return process;
}

int process_send(Process *process, const char *data, size_t length, double seconds)
{
    DWORD sent;
    (void)seconds;
    return length <= HOLDS && WriteFile(process->requests, data, (DWORD)length, &sent, NULL) && sent == length;
}

int process_receive(Process *process, char *data, int size, int milliseconds)
{
    double until = system_seconds() + milliseconds / 1000.0;
    DWORD there = 0, read = 0;
    for (;;) {
        if (!PeekNamedPipe(process->events, NULL, 0, NULL, &there, NULL))
            return -1;
        if (there)
            return ReadFile(process->events, data, (DWORD)size, &read, NULL) ? (int)read : -1;
        if (system_seconds() >= until)
            return 0;
        Sleep(1);
    }
}

void process_end(Process *process, double seconds)
{
    if (!process)
        return;
    shut(process->requests);
    shut(process->events);
    if (WaitForSingleObject(process->process, (DWORD)(1000 * seconds)) != WAIT_OBJECT_0) {
        TerminateProcess(process->process, 1);
        WaitForSingleObject(process->process, 2000);
    }
    shut(process->process);
    free(process);
}

void process_forget(Text *log)
{
    WIN32_FILE_ATTRIBUTE_DATA found;
    wchar_t *path = log->length ? system_wide(log->data) : NULL;
    int is_there = path && GetFileAttributesExW(path, GetFileExInfoStandard, &found);
    if (is_there && !found.nFileSizeLow && !found.nFileSizeHigh)
        DeleteFileW(path);
    free(path);
    text_free(log);
}
#endif
