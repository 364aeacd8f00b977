/**
 * `statsd ready`: does the server receive?  What a container's health check runs.
 *
 *   place       which server: --from, else STATSD_URL, else http.listen of the config
 *   ask_plain   over TCP, one socket and no library: it runs every few seconds for years
 *   ask_curl    HTTPS, names of hosts, users and passwords (live/client.h)
 *
 * Whatever the server does, there is an answer within ASK_MS, but for a lookup of a name.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "base/err.h"
#include "base/now.h"
#include "cmd/live/live.h"
#include "cmd/live/plain.h"
#include "config/web_config.h"

enum { ASK_MS = 3000, ANSWER_BYTES = 8192, HTTP_PORT = 80 };

static const char path[] = "/-/ready";

struct asking {
    struct buf url; /* as it is shown, and NUL */
    struct client_opts opts;
    struct sockaddr_storage addr;
    socklen_t addr_len; /* 0: only libcurl can ask there */
    uint64_t end_ms;
    struct buf answer, error;
};

/* ---- which server ---- */

/* "http://127.0.0.1:9102", or with a slash behind it; what else there may be is libcurl's. */
static void find_address(struct asking *a, const char *url)
{
    struct slice rest = slice_str(url);
    if (!slice_starts(rest, SLICE_LIT("http://")))
        return;
    rest = slice_of(rest.ptr + 7, rest.len - 7);
    if (rest.len > 0 && rest.ptr[rest.len - 1] == '/')
        rest.len--;
    (void)address_parse(rest, HTTP_PORT, &a->addr, &a->addr_len);
}

/* A server that listens on every address is asked by loopback. */
static void set_loopback(struct sockaddr_storage *addr)
{
    if (addr->ss_family == AF_INET)
        ((struct sockaddr_in *)addr)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
        ((struct sockaddr_in6 *)addr)->sin6_addr = in6addr_loopback;
}

static bool has_tls(const struct config *c)
{
    struct web_config web;
    struct buf said = { 0 };
    bool tls = false;
    if (c->http_web_config[0] != '\0' &&
        web_config_load(c->http_web_config, &web, &said, &said) == 0) {
        tls = web.tls;
        web_config_release(&web);
    }
    buf_release(&said);
    return tls;
}

/* This machine's own server, whatever name its certificate has. */
static int place_of_config(const struct config *c, const struct cli_io *io, struct asking *a)
{
    char text[ADDRESS_TEXT_MAX];
    struct sockaddr *addr = (struct sockaddr *)&a->addr;
    if (c->http_listen[0] == '\0')
        return cli_usage(io, "http.listen is empty: there is no HTTP server to ask");
    (void)address_parse(slice_str(c->http_listen), 0, &a->addr, &a->addr_len);
    if (address_port(addr) == 0)
        return cli_usage(io, "http.listen has port 0: give the one that the log says by --from");
    if (address_is_any(addr))
        set_loopback(&a->addr);
    address_print(addr, text);
    a->opts.insecure = has_tls(c);
    buf_printf(&a->url, "http%s://%s", a->opts.insecure ? "s" : "", text);
    buf_append_char(&a->url, '\0');
    if (a->opts.insecure)
        a->addr_len = 0;
    return CLI_OK;
}

static int place_by_default(const struct cli_args *args, const struct cli_io *io, struct asking *a)
{
    struct config c;
    struct buf errors = { 0 };
    int rc = CLI_USAGE;
    if (config_load(&args->source, &c, &errors) < 0) {
        cli_mistakes(io, &errors, "config");
    } else {
        rc = place_of_config(&c, io, a);
        config_release(&c);
    }
    buf_release(&errors);
    return rc;
}

static int place(const struct cli_args *args, const struct cli_io *io, struct asking *a)
{
    int rc = live_opts(args, io, &a->opts);
    if (rc != CLI_OK)
        return rc;
    if (args->from == NULL && !live_is_named(io)) {
        rc = place_by_default(args, io, a);
    } else {
        buf_append_str(&a->url, a->opts.url);
        buf_append_char(&a->url, '\0');
        find_address(a, a->opts.url);
    }
    a->opts.url = a->url.ptr;
    return rc;
}

/* ---- asking ---- */

static unsigned left_ms(const struct asking *a)
{
    uint64_t now = now_mono_ms();
    return now < a->end_ms ? (unsigned)(a->end_ms - now) : 0;
}

/* returns  0; -errno, -ETIMEDOUT when there is no time left */
static int wait_for(const struct asking *a, int fd, short what)
{
    struct pollfd p = { .fd = fd, .events = what };
    for (;;) {
        int rc = poll(&p, 1, (int)left_ms(a));
        if (rc > 0)
            return 0;
        if (rc == 0)
            return -ETIMEDOUT;
        if (errno != EINTR)
            return -errno;
    }
}

static int connect_by(const struct asking *a, int fd)
{
    int error = 0;
    socklen_t n = sizeof error;
    if (connect(fd, (const struct sockaddr *)&a->addr, a->addr_len) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return -errno;
    int rc = wait_for(a, fd, POLLOUT);
    if (rc == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
        rc = -errno;
    return rc < 0 ? rc : -error;
}

/* A request is smaller than any socket's buffer, so it goes out whole. */
static int send_request(const struct asking *a, int fd)
{
    char host[ADDRESS_TEXT_MAX];
    struct buf request = { 0 };
    int rc = 0;
    address_print((const struct sockaddr *)&a->addr, host);
    buf_printf(&request, "GET %s HTTP/1.0\r\nHost: %s\r\nUser-Agent: statsd\r\n\r\n", path, host);
    if (send(fd, request.ptr, request.len, MSG_NOSIGNAL) < 0)
        rc = -errno;
    buf_release(&request);
    return rc;
}

/* Until the server closes, or has said more than it should. */
static int read_answer(struct asking *a, int fd)
{
    char piece[2048];
    while (a->answer.len < ANSWER_BYTES) {
        int rc = wait_for(a, fd, POLLIN);
        if (rc < 0)
            return rc;
        ssize_t n = recv(fd, piece, sizeof piece, 0);
        if (n == 0)
            return 0;
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return -errno;
        if (n > 0)
            buf_append(&a->answer, piece, (size_t)n);
    }
    return 0;
}

/* Cut the head off.  returns  the status; 0: this is not HTTP */
static unsigned cut_head(struct slice *answer)
{
    const char *end = answer->len > 0 ? memmem(answer->ptr, answer->len, "\r\n\r\n", 4) : NULL;
    const char *s = answer->ptr;
    unsigned status = 0;
    if (end == NULL || !slice_starts(*answer, SLICE_LIT("HTTP/1.")) || s[8] != ' ')
        return 0;
    for (size_t i = 9; i < 12; i++) {
        if (s[i] < '0' || s[i] > '9')
            return 0;
        status = 10 * status + (unsigned)(s[i] - '0');
    }
    *answer = slice_of(end + 4, (size_t)(s + answer->len - end) - 4);
    return status;
}

static enum client_result judge(struct asking *a)
{
    struct slice rest = buf_slice(&a->answer);
    unsigned status = cut_head(&rest);
    struct slice line = rest;
    (void)slice_cut(&rest, '\n', &line);
    if (status == 0) {
        buf_printf(&a->error, "%s: this is not HTTP; is it the address of http.listen?",
                   a->url.ptr);
        return CLIENT_REFUSED;
    }
    if (status != 200)
        buf_printf(&a->error, "%s answers %u%s", a->url.ptr, status, line.len > 0 ? ": " : "");
    if (status == 401)
        buf_append_str(&a->error, "a user and a password are needed; set STATSD_URL");
    else if (status != 200)
        buf_append_slice(&a->error, line);
    struct buf body = { 0 };
    buf_append_slice(&body, line);
    buf_release(&a->answer);
    a->answer = body;
    return status == 200 ? CLIENT_OK : CLIENT_REFUSED;
}

static enum client_result ask_plain(struct asking *a)
{
    int rc = 0, fd = socket(a->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        rc = -errno;
    if (rc == 0)
        rc = connect_by(a, fd);
    if (rc == 0)
        rc = send_request(a, fd);
    if (rc == 0)
        rc = read_answer(a, fd);
    if (fd >= 0)
        close(fd);
    if (rc == 0)
        return judge(a);
    buf_printf(&a->error, "%s: %s", a->url.ptr, err_text(rc));
    return CLIENT_AWAY;
}

/* Of client_opts.idle. */
static bool has_time(void *asking)
{
    return left_ms(asking) > 0;
}

static enum client_result ask_curl(struct asking *a)
{
    a->opts.idle = has_time;
    a->opts.cookie = a;
    a->opts.wait_ms = 100;
    struct client *c = client_new(&a->opts, &a->error);
    if (c == NULL)
        return CLIENT_REFUSED;
    enum client_result rc = client_get(c, path, &a->answer, &a->error);
    if (rc == CLIENT_ENOUGH)
        buf_printf(&a->error, "%s: no answer within %d s", client_shown(c), ASK_MS / 1000);
    client_free(c);
    return rc;
}

static int say(struct asking *a, enum client_result result, const struct cli_io *io)
{
    if (result != CLIENT_OK)
        return live_fail(io, &a->error);
    struct slice rest = buf_slice(&a->answer), line = rest;
    struct buf out = { 0 };
    (void)slice_cut(&rest, '\n', &line);
    (void)plain_put(line, SIZE_MAX, &out);
    buf_append_char(&out, '\n');
    bool written = cli_write(io->out, &out);
    buf_release(&out);
    return written ? CLI_OK : CLI_FAILED;
}

int ready_main(const struct cli_args *args, const struct cli_io *io)
{
    struct asking a = { .end_ms = now_mono_ms() + ASK_MS };
    int rc = place(args, io, &a);
    if (rc == CLI_OK)
        rc = say(&a, a.addr_len > 0 ? ask_plain(&a) : ask_curl(&a), io);
    buf_release(&a.url);
    buf_release(&a.answer);
    buf_release(&a.error);
    return rc;
}
