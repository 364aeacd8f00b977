/*
 *   spool_file_open    sweep: segments that are not ours
 *   spool_file_put     the segment at the end, or make_segment; write_all
 *   spool_file_get     opened for each piece: read_all, and the checksum
 *   spool_file_drop    the last one of a segment removes it
 */
#include "sinks/redis/spool_file.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/pack.h"

enum { VERSION = 1, HEAD_BYTES = 16, PIECE_HEAD = 16, MAGIC = 0x50735371, NAME_BYTES = 32 };

static const char head_text[8] = { 's', 't', 'a', 't', 's', 'd', 'q', '\n' };

struct segment {
    uint32_t number; /* ascending */
    uint32_t live;   /* pieces that are wanted */
    uint64_t bytes;  /* on disk; 0 for one that was adopted, until open */
};

struct spool_file {
    int dir, fd; /* fd: of the last segment while it takes pieces, or -1 */
    uint64_t max_bytes, retry_ms;
    uint32_t newest; /* number of the last segment that was made or seen */
    bool open;
    uint64_t adopted; /* bytes of pieces, until open */
    struct segment *at;
    size_t n, cap;
    struct buf piece; /* scratch */
    struct spool_file_stats stats;
};

struct spool_file *spool_file_new(int dir, uint64_t max_bytes)
{
    struct spool_file *f = mem_zalloc(sizeof *f);
    f->dir = dir;
    f->fd = -1;
    f->max_bytes = max_bytes;
    return f;
}

static void stop_writing(struct spool_file *f)
{
    if (f->fd >= 0)
        (void)close(f->fd);
    f->fd = -1;
}

void spool_file_free(struct spool_file *f)
{
    if (f == NULL)
        return;
    stop_writing(f);
    buf_release(&f->piece);
    free(f->at);
    free(f);
}

static void name_of(uint32_t number, char ret[NAME_BYTES])
{
    snprintf(ret, NAME_BYTES, SPOOL_FILE_PREFIX "%u", (unsigned)number);
}

/* Where the segment of that number is, or would be. */
static size_t place_of(const struct spool_file *f, uint32_t number)
{
    size_t from = 0, to = f->n;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (f->at[middle].number < number)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static struct segment *segment_of(const struct spool_file *f, uint32_t number)
{
    size_t i = place_of(f, number);
    return i < f->n && f->at[i].number == number ? &f->at[i] : NULL;
}

static struct segment *add_segment(struct spool_file *f, uint32_t number)
{
    size_t i = place_of(f, number);
    f->at = mem_grow(f->at, &f->cap, f->n + 1, sizeof *f->at);
    memmove(f->at + i + 1, f->at + i, (f->n - i) * sizeof *f->at);
    f->n++;
    f->at[i] = (struct segment){ .number = number };
    f->newest = number > f->newest ? number : f->newest;
    return &f->at[i];
}

static void remove_segment(struct spool_file *f, struct segment *g)
{
    char name[NAME_BYTES];
    name_of(g->number, name);
    if (g->number == f->newest)
        stop_writing(f);
    if (unlinkat(f->dir, name, 0) == 0 && g->bytes > HEAD_BYTES)
        f->retry_ms = 0; /* there is room again, if that was missing */
    f->stats.bytes -= g->bytes;
    size_t i = (size_t)(g - f->at);
    memmove(g, g + 1, (f->n - i - 1) * sizeof *g);
    f->n--;
}

bool spool_file_adopt(struct spool_file *f, struct spool_place at)
{
    assert(!f->open);
    if (at.segment == 0 || at.segment > SPOOL_SEGMENTS_MAX || at.len == 0 ||
        at.len > SPOOL_PIECE_MAX || at.at < HEAD_BYTES)
        return false;
    struct segment *g = segment_of(f, at.segment);
    g = g != NULL ? g : add_segment(f, at.segment);
    g->live++;
    f->adopted += PIECE_HEAD + at.len;
    return true;
}

void spool_file_forget(struct spool_file *f)
{
    assert(!f->open);
    f->n = 0;
    f->adopted = 0;
}

/* ---- what is there at the start ---- */

/* returns  the number in a name of ours; 0: it is no such name */
static uint32_t number_in(const char *name)
{
    char again[NAME_BYTES];
    size_t n = strlen(SPOOL_FILE_PREFIX);
    if (strncmp(name, SPOOL_FILE_PREFIX, n) != 0)
        return 0;
    unsigned long v = strtoul(name + n, NULL, 10);
    if (v == 0 || v > SPOOL_SEGMENTS_MAX)
        return 0;
    name_of((uint32_t)v, again);
    return strcmp(name, again) == 0 ? (uint32_t)v : 0;
}

static void sweep(struct spool_file *f, const char *name, uint32_t number)
{
    struct stat st;
    if (fstatat(f->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
        return;
    struct segment *g = segment_of(f, number);
    f->newest = number > f->newest ? number : f->newest;
    if (g != NULL) {
        g->bytes = (uint64_t)st.st_size;
        f->stats.bytes += g->bytes;
    } else if (unlinkat(f->dir, name, 0) == 0) {
        f->stats.left_over_segments++;
        f->stats.left_over_bytes += (uint64_t)st.st_size;
    } else {
        f->stats.bytes += (uint64_t)st.st_size; /* it takes its room all the same */
    }
}

int spool_file_open(struct spool_file *f)
{
    if (f->open)
        return 0;
    int fd = openat(f->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (d == NULL) {
        int rc = -errno;
        if (fd >= 0)
            (void)close(fd);
        return rc;
    }
    f->open = true;
    const struct dirent *e;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is ours alone */
    while ((e = readdir(d)) != NULL) {
        uint32_t number = number_in(e->d_name);
        if (number > 0)
            sweep(f, e->d_name, number);
    }
    (void)closedir(d);
    if (f->stats.left_over_segments > 0)
        LOG(LOG_WARN, "what a process that was killed had on disk for redis is removed",
            F_U64("files", f->stats.left_over_segments), F_U64("bytes", f->stats.left_over_bytes),
            F_STR("reason", "nothing tells what of it was sent; docs/restart.md, After a crash"));
    return 0;
}

/* ---- writing ---- */

static int write_all(int fd, const char *p, size_t n, uint64_t at)
{
    while (n > 0) {
        ssize_t done = pwrite(fd, p, n, (off_t)at);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return done < 0 ? -errno : -EIO;
        p += done;
        n -= (size_t)done;
        at += (uint64_t)done;
    }
    return 0;
}

/* The number of a file that is there already is passed over: it could not be removed. */
static int make_segment(struct spool_file *f)
{
    char name[NAME_BYTES], head[HEAD_BYTES] = { 0 };
    stop_writing(f);
    do {
        if (f->newest >= SPOOL_SEGMENTS_MAX)
            f->newest = 0;
        while (segment_of(f, ++f->newest) != NULL)
            ;
        name_of(f->newest, name);
        f->fd = openat(f->dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    } while (f->fd < 0 && errno == EEXIST);
    if (f->fd < 0)
        return -errno;
    memcpy(head, head_text, sizeof head_text);
    head[sizeof head_text] = VERSION;
    int rc = write_all(f->fd, head, sizeof head, 0);
    struct segment *g = add_segment(f, f->newest);
    g->bytes = HEAD_BYTES;
    f->stats.bytes += HEAD_BYTES;
    if (rc < 0)
        remove_segment(f, g);
    return rc;
}

static uint64_t checksum(struct slice body, uint32_t segment, uint32_t at)
{
    return XXH3_64bits_withSeed(body.ptr, body.len, (uint64_t)segment << 32 | at);
}

/* At the end of the segment.  What a failed write leaves there is written over. */
static int append(struct spool_file *f, struct segment *g, struct slice body,
                  struct spool_place *ret)
{
    const struct spool_place at = { g->number, (uint32_t)g->bytes, (uint32_t)body.len };
    buf_clear(&f->piece);
    pack_u32(&f->piece, MAGIC);
    pack_u32(&f->piece, at.len);
    pack_u64(&f->piece, checksum(body, at.segment, at.at));
    buf_append_slice(&f->piece, body);
    int rc = write_all(f->fd, f->piece.ptr, f->piece.len, at.at);
    if (rc < 0)
        return rc;
    g->bytes += f->piece.len;
    g->live++;
    f->stats.bytes += f->piece.len;
    f->stats.written += f->piece.len;
    *ret = at;
    return 0;
}

static int put(struct spool_file *f, struct slice body, struct spool_place *ret)
{
    int rc = 0;
    struct segment *g = f->fd >= 0 ? segment_of(f, f->newest) : NULL;
    if (rc == 0 && (g == NULL || g->bytes + PIECE_HEAD + body.len > SPOOL_SEGMENT_BYTES)) {
        rc = make_segment(f);
        g = rc == 0 ? segment_of(f, f->newest) : NULL;
    }
    if (rc == 0)
        rc = append(f, g, body, ret);
    if (rc < 0 && g != NULL && g->live == 0)
        remove_segment(f, g);
    return rc;
}

int spool_file_put(struct spool_file *f, struct slice body, uint64_t now_ms,
                   struct spool_place *ret)
{
    assert(body.len > 0 && body.len <= SPOOL_PIECE_MAX);
    if (now_ms < f->retry_ms)
        return -EAGAIN;
    int rc = spool_file_open(f);
    if (rc == 0 && f->stats.bytes + HEAD_BYTES + PIECE_HEAD + body.len > f->max_bytes)
        return -ENOSPC;
    if (rc == 0)
        rc = put(f, body, ret);
    if (rc < 0) {
        f->retry_ms = now_ms + SPOOL_RETRY_MS;
        f->stats.failures++;
    }
    return rc;
}

/* ---- reading ---- */

static int read_all(int fd, char *p, size_t n, uint64_t at)
{
    while (n > 0) {
        ssize_t done = pread(fd, p, n, (off_t)at);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return done < 0 ? -errno : -EBADMSG; /* cut short */
        p += done;
        n -= (size_t)done;
        at += (uint64_t)done;
    }
    return 0;
}

static int read_piece(struct spool_file *f, int fd, struct spool_place at, struct buf *out)
{
    buf_clear(&f->piece);
    char *p = buf_reserve(&f->piece, PIECE_HEAD + (size_t)at.len);
    int rc = read_all(fd, p, PIECE_HEAD + (size_t)at.len, at.at);
    if (rc < 0)
        return rc;
    struct unpack in = unpack_of(slice_of(p, PIECE_HEAD));
    const struct slice body = slice_of(p + PIECE_HEAD, at.len);
    bool good = unpack_u32(&in) == MAGIC && unpack_u32(&in) == at.len &&
                unpack_u64(&in) == checksum(body, at.segment, at.at);
    if (!good)
        return -EBADMSG;
    buf_append_slice(out, body);
    return 0;
}

int spool_file_get(struct spool_file *f, struct spool_place at, struct buf *out)
{
    char name[NAME_BYTES];
    int rc = spool_file_open(f);
    if (rc < 0)
        return rc;
    name_of(at.segment, name);
    int fd = openat(f->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    rc = read_piece(f, fd, at, out);
    (void)close(fd);
    return rc;
}

void spool_file_drop(struct spool_file *f, struct spool_place at)
{
    struct segment *g = segment_of(f, at.segment);
    assert(g != NULL && g->live > 0);
    g->live--;
    if (g->live == 0)
        remove_segment(f, g);
}

void spool_file_stats(const struct spool_file *f, struct spool_file_stats *ret)
{
    *ret = f->stats;
    if (!f->open)
        ret->bytes = f->adopted;
}
