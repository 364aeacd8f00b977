/*
 * scrape_url_parse; scrape_get: dial, send_request, read_all, keep_body (the head off, chunks
 * joined), all within one deadline; scrape_read: lines of the exposition into counters.
 */
#include "scrape.h"

#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/now.h"
#include "base/number.h"

enum { BODY_BYTES_MAX = 1 << 30 };

#define X(id, name) name,
const char *const scrape_name[SCRAPE_COUNT] = { SCRAPE_COUNTERS(X) };
#undef X

int scrape_url_parse(const char *text, struct scrape_url *ret)
{
    static const char scheme[] = "http://";
    if (strncmp(text, scheme, sizeof scheme - 1) != 0)
        return -EINVAL;
    struct slice rest = slice_str(text + sizeof scheme - 1);
    const char *slash = memchr(rest.ptr, '/', rest.len);
    struct slice host = slice_of(rest.ptr, slash ? (size_t)(slash - rest.ptr) : rest.len),
                 port = SLICE_LIT("80");
    const char *path = slash && slash[1] ? slash : "/metrics";
    size_t colon = host.len;
    while (colon > 0 && host.ptr[colon - 1] != ':' && host.ptr[colon - 1] != ']')
        colon--;
    if (colon > 0 && host.ptr[colon - 1] == ':') {
        port = slice_of(host.ptr + colon, host.len - colon);
        host.len = colon - 1;
    }
    if (host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
        host = slice_of(host.ptr + 1, host.len - 2);
    int64_t number;
    struct scrape_url u = { .samples = "" };
    if (host.len == 0 || host.len >= sizeof u.host || strlen(path) >= sizeof u.path ||
        !number_parse_int(port, &number) || number < 1 || number > 65535)
        return -EINVAL;
    snprintf(u.host, sizeof u.host, "%.*s", (int)host.len, host.ptr);
    snprintf(u.port, sizeof u.port, "%d", (int)number);
    snprintf(u.path, sizeof u.path, "%s", path);
    *ret = u;
    return 0;
}

static int wait_for(int fd, short what, uint64_t until_ms)
{
    uint64_t now = now_mono_ms();
    struct pollfd p = { .fd = fd, .events = what };
    int n = now >= until_ms ? 0 : poll(&p, 1, (int)(until_ms - now));
    return n > 0 ? 0 : n == 0 ? -ETIMEDOUT : -errno;
}

static int dial(const struct scrape_url *url, uint64_t until_ms)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found;
    if (getaddrinfo(url->host, url->port, &hints, &found) != 0)
        return -ENOENT;
    int rc = -ECONNREFUSED;
    for (struct addrinfo *a = found; a != NULL; a = a->ai_next) {
        int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error = 0;
        socklen_t n = sizeof error;
        if (fd < 0)
            continue;
        rc = connect(fd, a->ai_addr, a->ai_addrlen) < 0 ? -errno : 0;
        if (rc == -EINPROGRESS)
            rc = wait_for(fd, POLLOUT, until_ms);
        if (rc == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0)
            rc = -error;
        if (rc == 0) {
            freeaddrinfo(found);
            return fd;
        }
        close(fd);
    }
    freeaddrinfo(found);
    return rc;
}

static int send_request(int fd, const struct scrape_url *url)
{
    char text[640];
    bool v6 = strchr(url->host, ':') != NULL;
    int n = snprintf(text, sizeof text,
                     "GET %s HTTP/1.1\r\nHost: %s%s%s:%s\r\nConnection: close\r\n"
                     "Accept: text/plain\r\nAccept-Encoding: identity\r\n\r\n",
                     url->path, v6 ? "[" : "", url->host, v6 ? "]" : "", url->port);
    /* A new connection's send buffer always has room for so little. */
    return send(fd, text, (size_t)n, MSG_NOSIGNAL) == n ? 0 : -EPROTO;
}

static int read_all(int fd, struct buf *out, uint64_t until_ms)
{
    for (;;) {
        char *room = buf_reserve(out, 65536);
        ssize_t n = recv(fd, room, out->cap - out->len, 0);
        if (n == 0)
            return 0;
        if (n > 0) {
            out->len += (size_t)n;
            if (out->len > BODY_BYTES_MAX)
                return -EFBIG;
            continue;
        }
        int rc = errno == EAGAIN || errno == EINTR ? wait_for(fd, POLLIN, until_ms) : -errno;
        if (rc < 0)
            return rc;
    }
}

/* Hexadecimal digits, then nothing or an extension. */
static bool read_chunk_size(struct slice line, size_t *ret)
{
    size_t size = 0, n = 0;
    for (; n < line.len && isxdigit((unsigned char)line.ptr[n]); n++) {
        int c = tolower((unsigned char)line.ptr[n]);
        size = size * 16 + (size_t)(c <= '9' ? c - '0' : c - 'a' + 10);
        if (size > BODY_BYTES_MAX)
            return false;
    }
    *ret = size;
    return n > 0 && (n == line.len || strchr("; \t", line.ptr[n]) != NULL);
}

/* Chunks (RFC 9112, 7.1) become what they hold, in place.  The last one has no bytes; trailers
 * behind it are left out. */
static bool join_chunks(struct buf *b)
{
    struct slice rest = buf_slice(b);
    size_t joined = 0;
    for (;;) {
        size_t size;
        const char *end = memmem(rest.ptr, rest.len, "\r\n", 2);
        if (end == NULL || !read_chunk_size(slice_of(rest.ptr, (size_t)(end - rest.ptr)), &size))
            return false;
        rest = slice_of(end + 2, rest.len - (size_t)(end + 2 - rest.ptr));
        if (size == 0)
            break;
        if (rest.len < size + 2 || memcmp(rest.ptr + size, "\r\n", 2) != 0)
            return false;
        memmove(b->ptr + joined, rest.ptr, size);
        joined += size;
        rest = slice_of(rest.ptr + size + 2, rest.len - size - 2);
    }
    b->len = joined;
    return true;
}

/* The value of a header in a head that ends with NUL; NULL when it is not there. */
static const char *header(const char *head, const char *name)
{
    const char *line = strcasestr(head, name);
    return line != NULL ? line + strlen(name) : NULL;
}

static bool is_chunked(const char *head)
{
    const char *coding = header(head, "\r\nTransfer-Encoding:");
    const char *word = coding != NULL ? strcasestr(coding, "chunked") : NULL;
    return word != NULL && word < coding + strcspn(coding, "\r");
}

/* Cut the head off: status line, headers, empty line. */
static int keep_body(struct buf *b)
{
    char *end = b->len > 0 ? memmem(b->ptr, b->len, "\r\n\r\n", 4) : NULL;
    if (end == NULL || b->len < 12 || memcmp(b->ptr, "HTTP/1.", 7) != 0 ||
        memcmp(b->ptr + 8, " 200", 4) != 0)
        return -EPROTO;
    size_t head = (size_t)(end - b->ptr) + 4;
    *end = '\0';
    bool chunked = is_chunked(b->ptr);
    const char *promised = chunked ? NULL : header(b->ptr, "\r\nContent-Length:");
    if (promised != NULL && strtoull(promised, NULL, 10) != b->len - head)
        return -EPROTO;
    memmove(b->ptr, b->ptr + head, b->len - head);
    b->len -= head;
    return !chunked || join_chunks(b) ? 0 : -EPROTO;
}

int scrape_get(const struct scrape_url *url, int timeout_ms, struct buf *body)
{
    uint64_t until_ms = now_mono_ms() + (uint64_t)timeout_ms;
    int fd = dial(url, until_ms);
    if (fd < 0)
        return fd;
    buf_clear(body);
    int rc = send_request(fd, url);
    if (rc == 0)
        rc = read_all(fd, body, until_ms);
    close(fd);
    return rc == 0 ? keep_body(body) : rc;
}

/* name[{labels}] value [timestamp] */
static bool split_line(struct slice line, struct slice *name, struct slice *labels, double *value)
{
    size_t n = 0;
    while (n < line.len && line.ptr[n] != '{' && line.ptr[n] != ' ')
        n++;
    *name = slice_of(line.ptr, n);
    *labels = slice_of(line.ptr + n, 0);
    struct slice rest = slice_of(line.ptr + n, line.len - n);
    if (n < line.len && line.ptr[n] == '{') {
        const char *close_at = memrchr(rest.ptr, '}', rest.len);
        if (close_at == NULL)
            return false;
        *labels = slice_of(rest.ptr + 1, (size_t)(close_at - rest.ptr) - 1);
        rest = slice_of(close_at + 1, line.len - n - (size_t)(close_at + 1 - rest.ptr));
    }
    while (rest.len > 0 && *rest.ptr == ' ')
        rest.ptr++, rest.len--;
    struct slice number;
    if (!slice_cut(&rest, ' ', &number))
        number = rest;
    return number_parse(number, value);
}

static void add_reason(struct scrape_counters *c, struct slice labels, double value)
{
    struct slice key;
    if (value <= 0 || c->n_rejected == SCRAPE_REASONS_MAX || !slice_cut(&labels, '"', &key))
        return;
    struct slice name;
    if (!slice_cut(&labels, '"', &name))
        return;
    struct scrape_reason *r = &c->rejected[c->n_rejected++];
    snprintf(r->name, sizeof r->name, "%.*s",
             (int)(name.len < sizeof r->name ? name.len : sizeof r->name - 1), name.ptr);
    r->count = value;
}

static const char *name_of(int counter, const char *samples)
{
    return counter == SCRAPE_SAMPLES_AGGREGATED && *samples != '\0' ? samples
                                                                    : scrape_name[counter];
}

void scrape_read(struct slice text, const char *samples, struct scrape_counters *ret)
{
    struct slice other = *samples != '\0' ? slice_str(samples) : SLICE_LIT("statsd_");
    *ret = (struct scrape_counters){ 0 };
    while (text.len > 0) {
        struct slice line, name, labels;
        double value;
        if (!slice_cut(&text, '\n', &line)) {
            line = text;
            text.len = 0;
        }
        /* Nearly all lines are the users' metrics. */
        if (!slice_starts(line, SLICE_LIT("statsd_")) &&
            !slice_starts(line, SLICE_LIT("process_")) && !slice_starts(line, other))
            continue;
        if (!split_line(line, &name, &labels, &value))
            continue;
        for (int i = 0; i < SCRAPE_COUNT; i++) {
            if (!slice_eq(name, slice_str(name_of(i, samples))))
                continue;
            ret->v[i] += value;
            ret->has[i] = true;
            if (i == SCRAPE_SAMPLES_REJECTED)
                add_reason(ret, labels, value);
        }
    }
}
