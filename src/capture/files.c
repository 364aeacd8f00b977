#include "capture/files.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

/* A digit in the name for each 9. */
static const char shape[] = "statsd-99999999T999999.999Z.pcap", part_end[] = ".part";

enum { NAMES_TRIED = 1000, SETTLED_S = 2, FREE_SHARE = 20 };

static_assert(sizeof shape + sizeof part_end <= CAPTURE_NAME_MAX, "names have room");

void capture_files_init(struct capture_files *f, int dir, unsigned max)
{
    assert(max > 0);
    *f = (struct capture_files){ .dir = dir, .max = max, .fd = -1 };
}

bool capture_files_ours(const char *name, bool *ret_part)
{
    size_t i = 0;
    for (; shape[i] != '\0'; i++)
        if (shape[i] == '9' ? name[i] < '0' || name[i] > '9' : name[i] != shape[i])
            return false;
    *ret_part = strcmp(name + i, part_end) == 0;
    return *ret_part || name[i] == '\0';
}

static bool is_there(const struct capture_files *f, const char *name)
{
    return faccessat(f->dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void part_of(const char *name, char out[CAPTURE_NAME_MAX])
{
    snprintf(out, CAPTURE_NAME_MAX, "%.*s%s", (int)(sizeof shape - 1), name, part_end);
}

static int sync_dir(const struct capture_files *f)
{
    return fsync(f->dir) < 0 ? -errno : 0;
}

/* ---- the one that is written ---- */

static void name_at(int64_t ms, char out[CAPTURE_NAME_MAX])
{
    const time_t s = (time_t)(ms / 1000);
    struct tm t;
    char day[sizeof shape];
    gmtime_r(&s, &t);
    (void)strftime(day, sizeof day, "%Y%m%dT%H%M%S", &t); /* it fits */
    snprintf(out, CAPTURE_NAME_MAX, "statsd-%s.%03dZ.pcap", day, (int)(ms % 1000));
}

int capture_files_create(struct capture_files *f, int64_t now_ms)
{
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    char name[CAPTURE_NAME_MAX], part[CAPTURE_NAME_MAX];
    int fd = -1, rc = -EEXIST;
    assert(f->fd < 0);
    for (int i = 0; i < NAMES_TRIED && rc == -EEXIST; i++) {
        name_at(now_ms + i, name);
        part_of(name, part);
        if (is_there(f, name))
            continue;
        fd = (int)TEMP_FAILURE_RETRY(openat(f->dir, part, flags, 0600));
        rc = fd < 0 ? -errno : 0;
    }
    if (rc < 0)
        return rc;
    (void)flock(fd, LOCK_EX | LOCK_NB); /* where there are no locks, a crash leaves its .part */
    memcpy(f->name, name, sizeof name);
    f->fd = fd;
    f->bytes = 0;
    return 0;
}

static int write_all(int fd, struct slice bytes)
{
    while (bytes.len > 0) {
        ssize_t wrote = write(fd, bytes.ptr, bytes.len);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return wrote < 0 ? -errno : -EIO;
        bytes = slice_of(bytes.ptr + wrote, bytes.len - (size_t)wrote);
    }
    return 0;
}

int capture_files_write(struct capture_files *f, struct slice bytes)
{
    assert(f->fd >= 0);
    int rc = write_all(f->fd, bytes);
    if (rc == 0)
        f->bytes += bytes.len;
    else /* where even that fails, readers see a last packet that is cut */
        (void)!ftruncate(f->fd, (off_t)f->bytes);
    return rc;
}

void capture_files_drop(struct capture_files *f)
{
    char part[CAPTURE_NAME_MAX];
    assert(f->fd >= 0);
    part_of(f->name, part);
    (void)close(f->fd);
    f->fd = -1;
    (void)unlinkat(f->dir, part, 0);
}

/* Where there are no locks, another process that tidies may have done it. */
static int give_name(const struct capture_files *f)
{
    char part[CAPTURE_NAME_MAX];
    part_of(f->name, part);
    if (renameat(f->dir, part, f->dir, f->name) == 0)
        return 0;
    int rc = -errno;
    return rc == -ENOENT && is_there(f, f->name) ? 0 : rc;
}

/* Its name comes before the end of its lock, without which it looks as if a crash had left it. */
int capture_files_finish(struct capture_files *f)
{
    assert(f->fd >= 0);
    int rc = fsync(f->fd) < 0 ? -errno : 0;
    if (rc == 0)
        rc = give_name(f);
    if (close(f->fd) < 0 && rc == 0)
        rc = -errno;
    f->fd = -1;
    return rc < 0 ? rc : sync_dir(f);
}

/* ---- those that are there ---- */

/* Nobody writes it: its lock can be had, and its owner has had the time to take it. */
static bool is_left(int fd)
{
    struct stat st;
    return flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
           st.st_mtime + SETTLED_S < time(NULL);
}

static void name_left(const struct capture_files *f, const char *part)
{
    char name[CAPTURE_NAME_MAX];
    int fd = (int)TEMP_FAILURE_RETRY(
        openat(f->dir, part, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (fd < 0)
        return;
    snprintf(name, sizeof name, "%.*s", (int)(sizeof shape - 1), part);
    if (is_left(fd) && !is_there(f, name))
        (void)renameat(f->dir, part, f->dir, name); /* else it is tried with the next file */
    (void)close(fd);
}

static bool is_plain(const struct capture_files *f, const char *name)
{
    struct stat st;
    return fstatat(f->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

/* Go through the folder: how many are ours, and which one is the oldest of the whole ones. */
static int look(struct capture_files *f, bool name_parts, char oldest[CAPTURE_NAME_MAX])
{
    const struct dirent *e;
    bool part;
    int fd = (int)TEMP_FAILURE_RETRY(openat(f->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (d == NULL) {
        int rc = -errno;
        if (fd >= 0)
            (void)close(fd);
        return rc;
    }
    f->n = 0;
    oldest[0] = '\0';
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is ours */
    while ((e = readdir(d)) != NULL) {
        if (!capture_files_ours(e->d_name, &part) || !is_plain(f, e->d_name))
            continue;
        f->n++;
        if (part && name_parts)
            name_left(f, e->d_name);
        else if (!part && (oldest[0] == '\0' || strcmp(e->d_name, oldest) < 0))
            memcpy(oldest, e->d_name, sizeof shape);
    }
    (void)closedir(d);
    return 0;
}

int capture_files_tidy(struct capture_files *f)
{
    char oldest[CAPTURE_NAME_MAX] = "";
    int rc = look(f, true, oldest);
    if (rc == 0)
        rc = look(f, false, oldest);
    while (rc == 0 && f->n > f->max && oldest[0] != '\0') {
        if (unlinkat(f->dir, oldest, 0) < 0 && errno != ENOENT)
            return -errno;
        rc = look(f, false, oldest);
    }
    return rc;
}

bool capture_files_low(const struct capture_files *f)
{
    struct statvfs disk;
    return fstatvfs(f->dir, &disk) == 0 && disk.f_blocks > 0 &&
           disk.f_bavail < disk.f_blocks / FREE_SHARE;
}
