/*
 *     log_fields        put_head (ts, level, msg), then put_field for each field, then write_line
 *       put_field       put_key, put_value; takes the whole field back when the line is full
 *         put_text      shorten, needs_quotes, put_escaped: any bytes become plain ASCII
 *       write_line      poll, then one write: never waits
 *     log_gate          the rate limit, used beside log_fields
 */
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "base/now.h"
#include "base/number.h"
#include "base/utf8.h"

enum {
    LINE_MAX_BYTES = 4096, /* PIPE_BUF: a pipe takes such a write whole or not at all */
    VALUE_MAX_BYTES = 256, /* of the raw value; escaped it takes up to six times that */
    TAIL_BYTES = 32,       /* kept free for the mark of a cut line and its end */
};

static const char *const level_names[] = {
    [LOG_DEBUG] = "debug",
    [LOG_INFO] = "info",
    [LOG_WARN] = "warn",
    [LOG_ERROR] = "error",
};

static _Atomic int least_level = LOG_INFO;
static _Atomic int line_format = LOG_LOGFMT;
static _Atomic int out_fd = STDOUT_FILENO;

/* A line under construction.  Once a field does not fit it is full and takes nothing more. */
struct line {
    enum log_format format;
    bool full;
    size_t len;
    char at[LINE_MAX_BYTES];
};

static void line_check(const struct line *l)
{
    assert(l->len <= LINE_MAX_BYTES - TAIL_BYTES); /* room for the end of the line is left */
}

void log_setup(enum log_level least, enum log_format format)
{
    assert(least <= LOG_ERROR && format <= LOG_JSON);
    atomic_store_explicit(&least_level, (int)least, memory_order_relaxed);
    atomic_store_explicit(&line_format, (int)format, memory_order_relaxed);
}

void log_to_fd(int fd)
{
    atomic_store_explicit(&out_fd, fd, memory_order_relaxed);
}

bool log_enabled(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&least_level, memory_order_relaxed);
}

static void put(struct line *l, const char *p, size_t n)
{
    if (l->full || n > sizeof l->at - TAIL_BYTES - l->len) {
        l->full = true;
        return;
    }
    memcpy(l->at + l->len, p, n);
    l->len += n;
}

static void put_str(struct line *l, const char *s)
{
    put(l, s, strlen(s));
}

/* \uXXXX */
static void put_u16(struct line *l, unsigned code)
{
    static const char hex[] = "0123456789abcdef";
    char out[6] = "\\u";
    for (size_t i = 0; i < 4; i++)
        out[2 + i] = hex[code >> (12 - 4 * i) & 15];
    put(l, out, sizeof out);
}

static void put_code_point(struct line *l, unsigned code)
{
    if (code < 0x10000) {
        put_u16(l, code);
        return;
    }
    code -= 0x10000;
    put_u16(l, 0xd800 + (code >> 10));
    put_u16(l, 0xdc00 + (code & 0x3ff));
}

/* Decode the first character of s; a byte that starts none becomes U+FFFD.  Returns its length. */
static size_t decode(struct slice s, unsigned *ret)
{
    unsigned char c = (unsigned char)s.ptr[0];
    size_t n = utf8_len(s);
    *ret = 0xfffd;
    if (n > s.len || !utf8_valid(slice_of(s.ptr, n)))
        return 1;
    unsigned code = n == 1 ? c : c & (0x7fu >> n);
    for (size_t i = 1; i < n; i++)
        code = code << 6 | ((unsigned char)s.ptr[i] & 0x3fu);
    *ret = code;
    return n;
}

static void put_escaped(struct line *l, struct slice s)
{
    while (s.len > 0) {
        unsigned code;
        size_t n = decode(s, &code);
        if (code == '"' || code == '\\') {
            put(l, "\\", 1);
            put(l, s.ptr, 1);
        } else if (code == '\n') {
            put(l, "\\n", 2);
        } else if (code == '\t') {
            put(l, "\\t", 2);
        } else if (code >= 0x20 && code < 0x7f) {
            put(l, s.ptr, 1);
        } else {
            put_code_point(l, code);
        }
        s.ptr += n;
        s.len -= n;
    }
}

static bool needs_quotes(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\')
            return true;
    }
    return s.len == 0;
}

/* The front of a long value, not ending inside a character. */
static struct slice shorten(struct slice s)
{
    if (s.len <= VALUE_MAX_BYTES)
        return s;
    size_t n = VALUE_MAX_BYTES;
    while (n > VALUE_MAX_BYTES - 3 && ((unsigned char)s.ptr[n] & 0xc0) == 0x80)
        n--;
    return slice_of(s.ptr, n);
}

static void put_text(struct line *l, struct slice s)
{
    struct slice shown = shorten(s);
    bool quotes = l->format == LOG_JSON || needs_quotes(shown);
    if (quotes)
        put(l, "\"", 1);
    put_escaped(l, shown);
    if (shown.len < s.len)
        put(l, "...", 3);
    if (quotes)
        put(l, "\"", 1);
}

static void put_key(struct line *l, const char *key)
{
    if (l->format == LOG_JSON) {
        put(l, l->len == 0 ? "{\"" : ",\"", 2);
        put_str(l, key);
        put(l, "\":", 2);
    } else {
        if (l->len > 0)
            put(l, " ", 1);
        put_str(l, key);
        put(l, "=", 1);
    }
}

static void put_value(struct line *l, const struct log_field *f)
{
    char number[NUMBER_TEXT_MAX];
    switch (f->kind) {
    case LOG_KIND_SLICE:
        put_text(l, f->text);
        break;
    case LOG_KIND_I64:
        put(l, number, number_print_i64(number, f->i64));
        break;
    case LOG_KIND_U64:
        put(l, number, number_print_u64(number, f->u64));
        break;
    case LOG_KIND_DOUBLE: {
        struct slice text = slice_of(number, number_print(number, f->number));
        if (isfinite(f->number))
            put(l, text.ptr, text.len);
        else
            put_text(l, text); /* JSON has no such number */
        break;
    }
    case LOG_KIND_BOOL:
        put_str(l, f->u64 ? "true" : "false");
        break;
    }
}

/* A field goes in whole or not at all. */
static void put_field(struct line *l, const struct log_field *f)
{
    size_t before = l->len;
    put_key(l, f->key);
    put_value(l, f);
    if (l->full)
        l->len = before;
    line_check(l);
}

static void put_head(struct line *l, enum log_level level, const char *msg)
{
    char ts[sizeof "2026-11-21T09:00:00.000Z"];
    int64_t now_ms = now_wall_ms();
    time_t now_s = (time_t)(now_ms / 1000);
    unsigned ms = (unsigned)(now_ms % 1000);
    struct tm tm;
    gmtime_r(&now_s, &tm);
    size_t n = strftime(ts, sizeof ts, "%Y-%m-%dT%H:%M:%S", &tm);
    assert(n + sizeof ".000Z" == sizeof ts);
    memcpy(ts + n, ".000Z", sizeof ".000Z");
    ts[n + 1] = (char)('0' + ms / 100);
    ts[n + 2] = (char)('0' + ms / 10 % 10);
    ts[n + 3] = (char)('0' + ms % 10);

    put_field(l, &(struct log_field)F_STR("ts", ts));
    put_field(l, &(struct log_field)F_STR("level", level_names[level]));
    put_field(l, &(struct log_field)F_STR("msg", msg));
}

/*
 * A log that cannot be written is no reason to stop, and waiting for its reader would stop the
 * server.  Other processes share standard output, so it is polled for room and not set to
 * O_NONBLOCK.  A pipe that polls writable takes PIPE_BUF bytes at once; the lock keeps other
 * threads out in between.
 */
static void write_line(const struct line *l)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    int fd = atomic_load_explicit(&out_fd, memory_order_relaxed);
    struct pollfd out = { .fd = fd, .events = POLLOUT };
    ssize_t rc;
    assert(l->len > 0 && l->at[l->len - 1] == '\n');
    pthread_mutex_lock(&lock);
    do {
        rc = poll(&out, 1, 0);
        if (rc > 0 && (out.revents & POLLOUT) != 0)
            rc = write(fd, l->at, l->len);
    } while (rc < 0 && errno == EINTR);
    pthread_mutex_unlock(&lock);
}

void log_fields(enum log_level level, const char *msg, const struct log_field *fields, size_t n)
{
    if (!log_enabled(level))
        return;
    assert(level <= LOG_ERROR && msg != NULL && (n == 0 || fields != NULL));
    int saved = errno;
    struct line l;
    l.format = (enum log_format)atomic_load_explicit(&line_format, memory_order_relaxed);
    l.full = false;
    l.len = 0;
    put_head(&l, level, msg);
    for (size_t i = 0; i < n && !l.full; i++)
        put_field(&l, &fields[i]);

    const char *tail;
    if (l.format == LOG_JSON)
        tail = l.full ? ",\"line_cut\":true}\n" : "}\n";
    else
        tail = l.full ? " line_cut=true\n" : "\n";
    size_t tail_len = strlen(tail);
    assert(tail_len <= TAIL_BYTES);
    memcpy(l.at + l.len, tail, tail_len);
    l.len += tail_len;
    write_line(&l);
    errno = saved;
}

bool log_gate(struct log_gate *g, uint64_t period_ms, uint64_t now_ms, uint64_t *ret_suppressed)
{
    uint64_t next = __atomic_load_n(&g->next_ms, __ATOMIC_RELAXED), later = now_ms + period_ms;
    /* Of several threads that find the gate open, the one that moves next_ms writes. */
    if (now_ms < next || !__atomic_compare_exchange_n(&g->next_ms, &next, later, false,
                                                      __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        __atomic_fetch_add(&g->suppressed, 1, __ATOMIC_RELAXED);
        return false;
    }
    *ret_suppressed = __atomic_exchange_n(&g->suppressed, 0, __ATOMIC_RELAXED);
    return true;
}
