/*
 * Bytes of a client that claims to speak HTTP, over TCP to the real server: replies have a status
 * that we know, no text of the client becomes a header of its own, and a good request is answered
 * afterwards.
 *
 *     byte 0   after how many bytes the client pauses (0: it sends all at once)     then  its bytes
 */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "base/buf.h"
#include "base/log.h"
#include "expose/negotiate.h"
#include "http/accept.h"
#include "http/args.h"
#include "http/http.h"
#include "http/mailbox.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A client that says no more and hears nothing hangs up. */
enum {
    PATIENCE_MS = 20000,
    QUIET_MS = 20,
    CLIENT_BYTES_MAX = 60000,
    CHECK_EVERY = 64,
    MOST_OPEN = 64,
    BODY_MAX = 1000
};

static struct http_server *server;
static struct http_mailbox mailbox;
static struct http_body *large, *small;
static int wakes;          /* the mailbox has something */
static atomic_size_t seen; /* by two threads */

/* All that an owner may ask of a request, read as far as it goes. */
static void look(const struct http_request *r)
{
    const struct slice body = http_request_body(r);
    static const char *const headers[] = { "host", "authorization", "accept", "x-x" };
    struct http_arg args[HTTP_ARGS_MAX];
    char list[HTTP_ACCEPT_BYTES];
    size_t n = http_request_args(r, args), sum = strlen(http_request_path(r));
    assert(n <= HTTP_ARGS_MAX && body.len <= BODY_MAX);
    assert(body.len == 0 || http_request_method(r) == HTTP_POST);
    for (size_t i = 0; i < body.len; i++)
        sum += (unsigned char)body.ptr[i];
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < args[i].name.len; k++)
            sum += (unsigned char)args[i].name.ptr[k];
        for (size_t k = 0; args[i].value.ptr != NULL && k < args[i].value.len; k++)
            sum += (unsigned char)args[i].value.ptr[k];
    }
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        const char *value = http_request_header(r, headers[i]);
        sum += value ? strlen(value) : 0;
    }
    const struct slice accept = http_request_header_list(r, "accept", list, sizeof list);
    assert(accept.len <= sizeof list &&
           negotiate_format(accept, writers, WRITER_COUNT) < WRITER_COUNT);
    const struct slice encoding = http_request_header_list(r, "accept-encoding", list, sizeof list);
    assert(encoding.len <= sizeof list && negotiate_encoding(encoding) < ENCODING_COUNT);
    atomic_fetch_add(&seen, sum);
}

static void answer(struct http_request *r)
{
    const char *q = http_request_arg(r, "q");
    look(r);
    http_answer_with(r, q ? 200 : 400, small, &(struct http_header){ "X-Said", q ? q : "" }, 1);
}

static void ask_at_once(void *cookie, struct http_request *r)
{
    (void)cookie;
    answer(r);
}

static unsigned probe(void *cookie, const char **ret_text)
{
    (void)cookie;
    *ret_text = "ready";
    return 200;
}

static void wake(void *cookie)
{
    (void)cookie;
    ssize_t n = write(wakes, &(uint64_t){ 1 }, 8);
    assert(n == 8);
}

static struct http_route routes[] = {
    { .path = "/metrics" },
    { .path = "/-/ready", .probe = probe },
    { .path = "/-/reload",
      .methods = HTTP_POST,
      .guarded = HTTP_GUARDED_FROM_PAGES,
      .body_max = 10,
      .ask = ask_at_once },
    { .path = "/api/v1/",
      .prefix = true,
      .methods = HTTP_GET | HTTP_POST | HTTP_DELETE,
      .guarded = HTTP_GUARDED,
      .json = true,
      .body_max = BODY_MAX,
      .ask = ask_at_once },
    { .path = "/later",
      .methods = HTTP_GET | HTTP_POST,
      .body_max = BODY_MAX,
      .ask = http_mailbox_ask,
      .cookie = &mailbox },
};

static struct http_body *body_of(size_t n)
{
    char *text = malloc(n);
    memset(text, 'x', n);
    return http_body_take("text/plain", text, n);
}

static void set_up(void)
{
    const char *error;
    wakes = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    http_mailbox_init(&mailbox, wake, NULL);
    large = body_of(20000);
    small = body_of(10);
    if (wakes < 0 || !http_body_pack(large))
        abort();
    routes[0].fixed = large;
    const struct http_opts o = { .listen = "127.0.0.1:0",
                                 .routes = routes,
                                 .n_routes = ARRAY_LEN(routes),
                                 .hosts = "stats.example",
                                 .access_log = true };
    log_to_fd(open("/dev/null", O_WRONLY | O_CLOEXEC));
    if (http_start(&o, &server, &error) != 0)
        abort();
}

/* From one of many addresses, so that neither ports nor http.max_per_ip run out. */
static int dial(void)
{
    static uint32_t turn;
    struct sockaddr_storage to;
    socklen_t to_len;
    struct sockaddr_in from = { .sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(0x7f010000 | (++turn & 0xfffu) << 4 | 1) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || address_parse(slice_str(http_address(server)), 0, &to, &to_len) < 0 ||
        bind(fd, (const struct sockaddr *)&from, sizeof from) < 0)
        abort();
    if (connect(fd, (const struct sockaddr *)&to, to_len) == 0)
        return fd;
    if (errno != EINTR) { /* libFuzzer's own alarm */
        perror("connect");
        abort();
    }
    close(fd);
    return -EINTR;
}

static void answer_those_who_wait(void)
{
    struct http_request *const *list;
    uint64_t count;
    (void)!read(wakes, &count, sizeof count);
    size_t n = http_mailbox_take(&mailbox, &list);
    for (size_t i = 0; i < n; i++)
        answer(list[i]);
}

/* Until the server closes, or is quiet for so long. */
static void hear(int fd, int quiet_ms, struct buf *reply)
{
    for (ssize_t n = 1; n > 0;) {
        struct pollfd p[] = { { .fd = fd, .events = POLLIN }, { .fd = wakes, .events = POLLIN } };
        if (poll(p, 2, quiet_ms) <= 0)
            break;
        if (p[1].revents & POLLIN)
            answer_those_who_wait();
        if (p[0].revents == 0)
            continue;
        n = recv(fd, buf_reserve(reply, 65536), 65536, 0);
        reply->len += n > 0 ? (size_t)n : 0;
    }
    answer_those_who_wait();
}

static void check_reply(const struct buf *reply)
{
    static const unsigned known[] = { 100, 200, 400, 403, 404, 405, 413,
                                      414, 421, 431, 501, 503, 505 };
    bool good = false;
    if (reply->len == 0)
        return;
    assert(reply->len >= 12 && memcmp(reply->ptr, "HTTP/1.", 7) == 0);
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        good |= (unsigned)strtoul(reply->ptr + 9, NULL, 10) == known[i];
    assert(good);
    assert(memmem(reply->ptr, reply->len, "\nX-Evil", 7) == NULL);
}

static void talk(const char *bytes, size_t n, size_t pause, int quiet_ms, struct buf *reply)
{
    int fd = dial();
    while (fd < 0)
        fd = dial();
    size_t first = pause > 0 && pause < n ? pause : n;
    /* A server that has refused the request reads no more of it: a send may fail. */
    if (send(fd, bytes, first, MSG_NOSIGNAL) == (ssize_t)first && first < n) {
        poll(NULL, 0, 1);
        (void)!send(fd, bytes + first, n - first, MSG_NOSIGNAL);
    }
    shutdown(fd, SHUT_WR);
    hear(fd, quiet_ms, reply);
    const struct linger at_once = { .l_onoff = 1 };
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
    buf_append_char(reply, '\0');
    reply->len--;
    check_reply(reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char good[] = "GET /-/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    static unsigned runs;
    struct buf reply = { 0 };
    if (size < 1 || size > CLIENT_BYTES_MAX)
        return 0;
    if (server == NULL)
        set_up();
    talk((const char *)data + 1, size - 1, data[0], QUIET_MS, &reply);
    if (++runs % CHECK_EVERY == 0) {
        buf_clear(&reply);
        talk(good, sizeof good - 1, 0, PATIENCE_MS, &reply);
        assert(reply.len > 12 && memcmp(reply.ptr + 9, "200", 3) == 0);
    }
    struct http_stats stats;
    http_stats(server, &stats);
    assert(stats.rejected <= stats.requests && stats.connections <= MOST_OPEN);
    buf_release(&reply);
    return 0;
}
