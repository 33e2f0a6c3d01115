#ifndef _WIN32
/* posix_spawnp, socketpair; SO_NOSIGPIPE and POSIX_SPAWN_CLOEXEC_DEFAULT on macOS. */
#define _GNU_SOURCE
#define _DARWIN_C_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "posix.h"

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* macOS has an option of the socket instead */
#endif
#ifndef POSIX_SPAWN_CLOEXEC_DEFAULT
#define POSIX_SPAWN_CLOEXEC_DEFAULT 0 /* only macOS has it */
#endif

extern char **environ;

/* How long logs of ended hosts are kept. */
static const double LOG_SECONDS = 7 * 24 * 3600.0;

struct Process {
    pid_t pid;
    int socket;
};

/* The host's environment without variables that would make another Python load the host's libraries, and without an
   OCIO config that MLT names and no library knows. The caller frees it. */
static char **clean_environment(void)
{
    static const char *const foreign[] = {"PYTHONPATH=", "PYTHONHOME=", "LD_LIBRARY_PATH=", "DYLD_", "QT_",
                                          "OCIO=ocio://ocio://"};
    size_t count = 0, kept = 0;
    while (environ && environ[count])
        count++;
    char **result = calloc(count + 2, sizeof *result);
    for (size_t i = 0; result && i < count; i++) {
        int is_foreign = 0;
        for (size_t j = 0; j < sizeof foreign / sizeof *foreign; j++)
            is_foreign |= !strncmp(environ[i], foreign[j], strlen(foreign[j]));
        if (!is_foreign)
            result[kept++] = environ[i];
    }
    if (result)
        result[kept] = "PYTHONUTF8=1";
    return result;
}

/* Make a pair of connected sockets: not descriptors 0, 1 or 2, and not inherited. */
static int make_pipe(int ends[2])
{
    int made[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, made))
        return -1;
    for (int i = 0; i < 2; i++) {
        ends[i] = fcntl(made[i], F_DUPFD_CLOEXEC, 3);
        close(made[i]);
    }
    if (ends[0] >= 0 && ends[1] >= 0)
        return 0;
    for (int i = 0; i < 2; i++)
        if (ends[i] >= 0)
            close(ends[i]);
    return -1;
}

/* Start a program with stdin and stdout on the pipe and stderr on the log; returns an error number. */
static int spawn(pid_t *pid, const char *const *arguments, int pipe, int log)
{
    char **environment = clean_environment();
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t signals;
    if (!environment)
        return ENOMEM;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, pipe, 0);
    posix_spawn_file_actions_adddup2(&files, pipe, 1);
    posix_spawn_file_actions_adddup2(&files, log, 2);
    posix_spawnattr_init(&attributes);
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes, &signals);
    sigaddset(&signals, SIGPIPE);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    posix_spawnattr_setsigdefault(&attributes, &signals);
    /* In a process group of its own, so that Ctrl-C in the host's terminal does not end it. */
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP |
                                              POSIX_SPAWN_CLOEXEC_DEFAULT);
    int failed = posix_spawnp(pid, arguments[0], &files, &attributes, (char *const *)arguments, environment);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    free(environment);
    return failed;
}

/* Open the log; make one if it has no name yet. If that fails, open /dev/null. */
static int open_log(Text *log)
{
    const char *folder = getenv("OFX_REENACT_LOG_DIR");
    char *name = NULL;
    int file = log->length ? open(log->data, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC) : -1;
    if (file >= 0)
        return file;
    folder = folder && *folder ? folder : system_temporary_folder();
    system_remove_left(folder, "log-", LOG_SECONDS);
    text_clear(log);
    if ((file = system_make_file(folder, "log-", &name)) >= 0)
        text_add(log, name);
    free(name);
    return file >= 0 ? file : open("/dev/null", O_WRONLY | O_CLOEXEC);
}

Process *process_start(const char *const *arguments, Text *log, Text *reason)
{
    Process *process = calloc(1, sizeof *process);
    int ends[2];
    if (!process || make_pipe(ends)) {
        text_add(reason, strerror(errno));
        free(process);
        return NULL;
    }
    int sink = open_log(log);
    int failed = spawn(&process->pid, arguments, ends[1], sink);
    close(ends[1]);
    if (sink >= 0)
        close(sink);
    if (failed) {
        text_add(reason, strerror(failed));
        close(ends[0]);
        free(process);
        return NULL;
    }
    process->socket = ends[0];
#ifdef SO_NOSIGPIPE
    setsockopt(ends[0], SOL_SOCKET, SO_NOSIGPIPE, &(int){1}, sizeof(int));
#endif
    fcntl(ends[0], F_SETFL, fcntl(ends[0], F_GETFL) | O_NONBLOCK);
    return process;
}

int process_send(Process *process, const char *data, size_t length, double seconds)
{
    double until = system_seconds() + seconds;
    while (length) {
        struct pollfd ready = {process->socket, POLLOUT, 0};
        ssize_t sent = send(process->socket, data, length, MSG_NOSIGNAL);
        if (sent > 0) {
            data += sent;
            length -= (size_t)sent;
        } else if ((errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) || system_seconds() > until) {
            return 0;
        } else {
            poll(&ready, 1, 20);
        }
    }
    return 1;
}

int process_receive(Process *process, char *data, int size, int milliseconds)
{
    struct pollfd ready = {process->socket, POLLIN, 0};
    if (poll(&ready, 1, milliseconds) <= 0)
        return 0;
    ssize_t read = recv(process->socket, data, (size_t)size, 0);
    if (read > 0)
        return (int)read;
    return read < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) ? 0 : -1;
}

void process_end(Process *process, double seconds)
{
    double until = system_seconds() + seconds;
    int there = 1;
    if (!process)
        return;
    close(process->socket);
    /* waitpid fails if the host has waited for all its children already. */
    while (there && system_seconds() < until)
        if ((there = !waitpid(process->pid, NULL, WNOHANG)))
            system_sleep(2);
    if (there) {
        kill(process->pid, SIGKILL);
        while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    free(process);
}

void process_forget(Text *log)
{
    struct stat found;
    if (log->length && !stat(log->data, &found) && !found.st_size)
        unlink(log->data);
    text_free(log);
}
#endif
