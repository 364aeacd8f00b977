/*
 * Writing   state_file_create -> the sink's write_all -> state_file_commit or state_file_give_up
 * Reading   state_file_open -> state_file_claim -> the source's read_some, twice ->
 *           state_file_close; then state_file_consume, .._return or .._set_aside
 */
#include "state/state_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char name[] = STATE_FILE_NAME, fresh[] = STATE_FILE_NAME ".new",
                  reading[] = STATE_FILE_NAME ".reading";

int state_file_open_dir(struct state_file *f, const char *path)
{
    *f = (struct state_file){ .dir = -1, .fd = -1 };
    int dir = (int)TEMP_FAILURE_RETRY(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (dir < 0)
        return -errno;
    if (flock(dir, LOCK_EX | LOCK_NB) < 0 || faccessat(dir, ".", W_OK, AT_EACCESS) < 0) {
        int rc = -errno;
        (void)close(dir);
        return rc;
    }
    f->dir = dir;
    (void)unlinkat(dir, fresh, 0); /* what a crash left half written */
    return 0;
}

void state_file_close_dir(struct state_file *f)
{
    state_file_close(f);
    if (f->dir >= 0)
        (void)close(f->dir);
    f->dir = -1;
}

bool state_file_is_open_to_others(const struct state_file *f)
{
    struct stat st;
    return fstat(f->dir, &st) == 0 &&
           ((st.st_mode & S_IWOTH) != 0 || (st.st_uid != geteuid() && st.st_uid != 0));
}

static int sync_dir(const struct state_file *f)
{
    return fsync(f->dir) < 0 ? -errno : 0;
}

/* ---- writing ---- */

int state_file_create(struct state_file *f)
{
    assert(f->dir >= 0 && f->fd < 0);
    /* What a crash left behind, or a link that somebody put there: not written through. */
    if (unlinkat(f->dir, fresh, 0) < 0 && errno != ENOENT)
        return -errno;
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    f->fd = (int)TEMP_FAILURE_RETRY(openat(f->dir, fresh, flags, 0600));
    f->bytes = 0;
    return f->fd < 0 ? -errno : 0;
}

static int write_all(void *file, const void *p, size_t n)
{
    struct state_file *f = file;
    const char *at = p;
    while (n > 0) {
        ssize_t wrote = write(f->fd, at, n);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return wrote < 0 ? -errno : -ENOSPC;
        at += wrote;
        n -= (size_t)wrote;
        f->bytes += (uint64_t)wrote;
    }
    return 0;
}

struct records_sink state_file_sink(struct state_file *f)
{
    return (struct records_sink){ write_all, f };
}

int state_file_commit(struct state_file *f)
{
    char aside[STATE_FILE_TEXT];
    assert(f->fd >= 0 && (f->stuck || !f->claimed));
    int rc = fsync(f->fd) < 0 ? -errno : 0;
    if (close(f->fd) < 0 && rc == 0)
        rc = -errno;
    f->fd = -1;
    if (rc == 0 && f->stuck)
        rc = state_file_set_aside(f, aside);
    if (rc == 0 && renameat(f->dir, fresh, f->dir, name) < 0)
        rc = -errno;
    if (rc < 0) {
        (void)unlinkat(f->dir, fresh, 0);
        return rc;
    }
    return sync_dir(f);
}

void state_file_give_up(struct state_file *f)
{
    state_file_close(f);
    (void)unlinkat(f->dir, fresh, 0);
}

/* ---- reading ---- */

static int check_owner(struct state_file *f)
{
    struct stat st;
    if (fstat(f->fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
        return -EPERM;
    f->bytes = (uint64_t)st.st_size;
    return 0;
}

int state_file_open(struct state_file *f)
{
    assert(f->dir >= 0 && f->fd < 0);
    const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    f->fd = (int)TEMP_FAILURE_RETRY(openat(f->dir, name, flags));
    if (f->fd < 0)
        return errno == ELOOP ? -EPERM : -errno;
    int rc = check_owner(f);
    if (rc < 0)
        state_file_close(f);
    return rc;
}

static long read_some(void *file, void *p, size_t n)
{
    const struct state_file *f = file;
    ssize_t got;
    do
        got = read(f->fd, p, n);
    while (got < 0 && errno == EINTR);
    return got < 0 ? -errno : got;
}

struct records_source state_file_source(struct state_file *f)
{
    return (struct records_source){ read_some, f };
}

int state_file_rewind(struct state_file *f)
{
    return lseek(f->fd, 0, SEEK_SET) < 0 ? -errno : 0;
}

void state_file_close(struct state_file *f)
{
    if (f->fd >= 0)
        (void)close(f->fd);
    f->fd = -1;
}

static bool is_there(const struct state_file *f, const char *what)
{
    return faccessat(f->dir, what, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int state_file_claim(struct state_file *f)
{
    assert(f->fd >= 0 && !f->claimed);
    if (is_there(f, reading))
        return -EEXIST;
    if (renameat(f->dir, name, f->dir, reading) < 0)
        return -errno;
    f->claimed = true;
    return sync_dir(f);
}

bool state_file_left(struct state_file *f)
{
    assert(f->fd < 0 && !f->claimed);
    f->claimed = is_there(f, reading);
    return f->claimed;
}

const char *state_file_at_hand(const struct state_file *f)
{
    return f->claimed ? reading : name;
}

int state_file_return(struct state_file *f)
{
    assert(f->claimed);
    f->claimed = false;
    if (renameat(f->dir, reading, f->dir, name) < 0)
        return -errno;
    return sync_dir(f);
}

int state_file_consume(struct state_file *f)
{
    const char *what = state_file_at_hand(f);
    f->claimed = false;
    if (unlinkat(f->dir, what, 0) < 0)
        return -errno;
    return sync_dir(f);
}

static int move(const struct state_file *f, int i, char ret[STATE_FILE_TEXT])
{
    snprintf(ret, STATE_FILE_TEXT, "%s.damaged.%d", name, i);
    return renameat(f->dir, state_file_at_hand(f), f->dir, ret) < 0 ? -errno : 0;
}

static int first_free(const struct state_file *f)
{
    char at[STATE_FILE_TEXT];
    for (int i = 1; i < STATE_FILE_ASIDE; i++) {
        snprintf(at, sizeof at, "%s.damaged.%d", name, i);
        if (!is_there(f, at))
            return i;
    }
    return STATE_FILE_ASIDE;
}

int state_file_set_aside(struct state_file *f, char ret[STATE_FILE_TEXT])
{
    int rc = move(f, first_free(f), ret);
    for (int i = STATE_FILE_ASIDE; rc < 0 && i > 0; i--) /* a folder may have that name */
        rc = move(f, i, ret);
    f->stuck = rc < 0;
    if (rc < 0)
        return rc;
    f->claimed = false;
    (void)sync_dir(f); /* should it come back, it is set aside again */
    return 0;
}
