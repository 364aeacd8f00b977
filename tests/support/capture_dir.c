#include "support/capture_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/slice.h"

int capture_dir_setup(void **state)
{
    struct capture_dir *d = calloc(1, sizeof *d);
    strcpy(d->path, "/tmp/statsd-capture-XXXXXX");
    assert_non_null(mkdtemp(d->path));
    d->fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(d->fd >= 0);
    *state = d;
    return 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int no_dots(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

int capture_dir_teardown(void **state)
{
    struct capture_dir *d = *state;
    struct dirent **at;
    int n = scandir(d->path, &at, no_dots, NULL);
    for (int i = 0; i < n; i++) {
        if (unlinkat(d->fd, at[i]->d_name, 0) < 0)
            (void)unlinkat(d->fd, at[i]->d_name, AT_REMOVEDIR);
        free(at[i]);
    }
    free(at);
    close(d->fd);
    int rc = rmdir(d->path);
    free(d);
    return rc;
}

void capture_dir_put(const struct capture_dir *d, const char *name, const char *text)
{
    int fd = openat(d->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

bool capture_dir_has(const struct capture_dir *d, const char *name)
{
    return faccessat(d->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

long capture_dir_bytes(const struct capture_dir *d, const char *name)
{
    struct stat st;
    return fstatat(d->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? (long)st.st_size : -1;
}

size_t capture_dir_count(const struct capture_dir *d)
{
    struct dirent **at;
    int n = scandir(d->path, &at, no_dots, NULL);
    for (int i = 0; i < n; i++)
        free(at[i]);
    free(at);
    return (size_t)n;
}

static uint32_t le32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void read_file(const struct capture_dir *d, const char *name, struct buf *out)
{
    enum { FILE_HEAD = 24, HEAD = 16, IP = 28 };
    const long bytes = capture_dir_bytes(d, name);
    assert_true(bytes >= FILE_HEAD);
    const size_t n = bytes > 0 ? (size_t)bytes : 0;
    uint8_t *p = malloc(n + 1);
    int fd = openat(d->fd, name, O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(fd, p, n), n);
    close(fd);
    assert_int_equal(le32(p), 0xa1b23c4d);
    for (size_t at = FILE_HEAD, len; at < n; at += HEAD + len) {
        assert_true(n - at >= HEAD);
        len = le32(p + at + 8);
        assert_true(n - at - HEAD >= len && len >= IP);
        const char *payload = (const char *)p + at + HEAD + IP;
        if (len - IP < 14 || memcmp(payload, "statsd-capture", 14) != 0)
            buf_printf(out, "[%.*s]", (int)(len - IP), payload);
    }
    free(p);
}

void capture_dir_payloads(const struct capture_dir *d, struct buf *out)
{
    struct dirent **at;
    int n = scandir(d->path, &at, no_dots, by_name);
    for (int i = 0; i < n; i++) {
        if (strstr(at[i]->d_name, ".part") == NULL)
            read_file(d, at[i]->d_name, out);
        free(at[i]);
    }
    free(at);
}
