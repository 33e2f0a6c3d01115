#ifndef _WIN32
/* strdup, mkstemp, fstatat, dladdr; F_PREALLOCATE on macOS. */
#define _GNU_SOURCE
#define _DARWIN_C_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "posix.h"

char *system_bundle(void)
{
    static const int here; /* an address in this library */
    Dl_info found;
    char *path = dladdr(&here, &found) && found.dli_fname ? realpath(found.dli_fname, NULL) : NULL;
    for (int up = 0; path && up < 3; up++) {
        char *last = strrchr(path, '/');
        if (last)
            *last = 0;
    }
    return path;
}

double system_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void system_sleep(int milliseconds)
{
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    nanosleep(&time, NULL);
}

char *system_variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? strdup(value) : NULL;
}

char *system_line(const char *path)
{
    char line[4096];
    FILE *file = fopen(path, "r");
    char *found = file && fgets(line, sizeof line, file) ? line : NULL;
    if (file)
        fclose(file);
    if (!found)
        return NULL;
    line[strcspn(line, "\r\n")] = 0;
    return *line ? strdup(line) : NULL;
}

void system_new_folder(Text *path)
{
    struct passwd *user = getpwuid(getuid());
    const char *home = getenv("HOME");
    time_t now = time(NULL);
    struct tm local;
    char name[64];
    localtime_r(&now, &local);
    strftime(name, sizeof name, "/Reenact/%Y%m%d-%H%M%S-", &local);
    text_add(path, home && *home ? home : user ? user->pw_dir : "/tmp");
    text_add(path, name);
    snprintf(name, sizeof name, "%d", (int)getpid());
    text_add(path, name);
}

const char *system_temporary_folder(void)
{
    const char *folder = getenv("TMPDIR");
    return folder && *folder ? folder : "/tmp";
}

int system_make_file(const char *folder, const char *kind, char **name)
{
    Text path = {0};
    char number[64];
    snprintf(number, sizeof number, "/reenact-%s%ld-XXXXXX", kind, (long)getpid());
    text_add(&path, folder);
    text_add(&path, number);
    int file = path.failed ? -1 : mkstemp(path.data);
    if (file >= 0)
        fcntl(file, F_SETFD, FD_CLOEXEC);
    *name = path.data;
    return file;
}

void system_remove_left(const char *folder, const char *kind, double seconds)
{
    char pattern[40];
    DIR *files = opendir(folder);
    struct dirent *entry;
    struct stat found;
    long pid;
    snprintf(pattern, sizeof pattern, "reenact-%s%%ld-", kind);
    while (files && (entry = readdir(files)))
        if (sscanf(entry->d_name, pattern, &pid) == 1 && pid > 0 && kill((pid_t)pid, 0) && errno == ESRCH &&
            !fstatat(dirfd(files), entry->d_name, &found, AT_SYMLINK_NOFOLLOW) && found.st_uid == getuid() &&
            difftime(time(NULL), found.st_mtime) >= seconds)
            unlinkat(dirfd(files), entry->d_name, 0);
    if (files)
        closedir(files);
}

/* Allocate every byte of a file: a byte that is missing later would crash the host. Returns an error number. */
static int allocate(int file, size_t size)
{
#ifdef __APPLE__
    fstore_t store = {F_ALLOCATEALL, F_PEOFPOSMODE, 0, (off_t)size, 0};
    if (fcntl(file, F_PREALLOCATE, &store) || ftruncate(file, (off_t)size))
        return errno;
    return 0;
#else
    int failed;
    while ((failed = posix_fallocate(file, 0, (off_t)size)) == EINTR)
        continue;
    return failed;
#endif
}

int mapping_need(Mapping *mapping, size_t size, Text *reason)
{
    const char *folder = getenv("OFX_REENACT_SHM");
    if (mapping->size >= size)
        return 1;
    mapping_remove(mapping);
    if (!folder || !*folder)
        folder = access("/dev/shm", W_OK) ? system_temporary_folder() : "/dev/shm";
    system_remove_left(folder, "", 0);
    int file = system_make_file(folder, "", &mapping->name);
    int failed = file < 0 ? errno : allocate(file, size);
    if (!failed) {
        void *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (data == MAP_FAILED)
            failed = errno;
        else
            mapping->data = data, mapping->size = size;
    }
    if (failed) {
        char text[64];
        snprintf(text, sizeof text, "no %zu MiB of shared memory in ", (size >> 20) + 1);
        text_set(reason, text);
        text_add(reason, folder);
        text_add(reason, ": ");
        text_add(reason, strerror(failed));
        if (file >= 0)
            unlink(mapping->name);
        free(mapping->name);
        mapping->name = NULL;
    }
    if (file >= 0)
        close(file);
    return !failed;
}

void mapping_remove(Mapping *mapping)
{
    if (mapping->data) {
        munmap(mapping->data, mapping->size);
        unlink(mapping->name);
    }
    free(mapping->name);
    memset(mapping, 0, sizeof *mapping);
}
#endif
