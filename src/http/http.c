/*
 * The server's life: from http_start, which opens the socket and starts libmicrohttpd's thread, to
 * http_stop.
 *
 *     on_accept, on_connection  -> connections.c   who may connect, who is connected
 *     http_on_target, _request, _completed (request.c)   what is asked, and what is answered
 *
 * The server is freed with its last reference: an owner may answer its requests after http_stop.
 */
#include "http/http.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <gnutls/abstract.h>

#include "base/mem.h"
#include "base/now.h"
#include "http/http_priv.h"
#include "http/socket.h"

enum {
    DEFAULT_CONNECTIONS = 1024,
    DEFAULT_PER_IP = 32, /* far fewer than all connections: one host cannot lock the others out */
    DEFAULT_TIMEOUT_S = 5,
    DEFAULT_WAITING = 64,
    DEFAULT_STREAMS = 64,
    CONNECTION_MEMORY_BYTES = 32 * 1024,
    DEFAULT_HANDSHAKES = 200,
    STOP_WAIT_S = 1,
    REFUSED_LOG_MS = 60000,
};

void http_server_unref(struct http_server *s)
{
    if (atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    assert(s->waiting == NULL && s->n_waiting == 0 && s->n_open == 0);
    pthread_cond_destroy(&s->idle);
    pthread_mutex_destroy(&s->lock);
    pthread_mutex_destroy(&s->headers_lock);
    buf_release(&s->headers);
    free(s->hosts);
    free(s);
}

static uint32_t or_default(uint32_t v, uint32_t otherwise)
{
    return v ? v : otherwise;
}

static bool is_allowed(struct http_server *s, const struct sockaddr *from)
{
    char text[ADDRESS_TEXT_MAX];
    uint64_t more;
    if (s->allow.n == 0 || networks_have(&s->allow, from))
        return true;
    atomic_fetch_add_explicit(&s->refused_network, 1, memory_order_relaxed);
    if (!log_gate(&s->refused_log, REFUSED_LOG_MS, now_mono_ms(), &more))
        return false;
    address_print(from, text);
    LOG(LOG_WARN, "connection refused", F_STR("proto", http_scheme(s)), F_STR("from", text),
        F_STR("error", "not in http.allow"), F_U64("not_logged_before", more));
    return false;
}

static enum MHD_Result on_accept(void *server, const struct sockaddr *from, socklen_t from_len)
{
    struct http_server *s = server;
    uint64_t now_ns = now_mono_ns();
    (void)from_len;
    if (!is_allowed(s, from))
        return MHD_NO;
    if (s->secure != NULL && !http_secure_admits(s->secure, http_connections_who(from), now_ns))
        return MHD_NO;
    return http_connections_admit(s->connections, from, now_ns) ? MHD_YES : MHD_NO;
}

static void secure(struct http_server *s, struct http_connection *c, struct MHD_Connection *mhd,
                   uint64_t now_ns)
{
    struct http_handshake *h = http_secure_begin(s->secure, mhd, now_ns);
    if (h == NULL) /* it would go on by the library's own rules, and without a certificate */
        http_connection_abandon(c);
    http_connection_secure(c, h);
}

static void on_connection(void *server, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct http_server *s = server;
    uint64_t now_ns = now_mono_ns();
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        *context = http_connection_opened(s->connections, mhd, now_ns);
        if (s->secure != NULL)
            secure(s, *context, mhd, now_ns);
    } else {
        struct http_handshake *h = http_connection_handshake(*context);
        const union MHD_ConnectionInfo *info;
        info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
        if (h != NULL)
            http_secure_over(s->secure, h, info->client_addr, now_ns);
        http_connection_closed(*context);
        *context = NULL;
    }
}

/* libmicrohttpd wants one at its start; connections get credentials that do not ask it. */
/* NOLINTNEXTLINE(readability-function-size): the parameters are GnuTLS' */
static int no_certificate(gnutls_session_t tls, const gnutls_datum_t *cas, int n_cas,
                          const gnutls_pk_algorithm_t *algorithms, int n_algorithms,
                          gnutls_pcert_st **certs, unsigned *n_certs, gnutls_privkey_t *key)
{
    (void)tls, (void)cas, (void)n_cas, (void)algorithms, (void)n_algorithms;
    (void)certs, (void)n_certs, (void)key;
    return -1;
}

/* The thread it starts has all signals blocked: they are for the thread that expects them. */
static struct MHD_Daemon *daemon_start(struct http_server *s, int fd,
                                       const struct http_connections_opts *o)
{
    bool tls = s->secure != NULL;
    unsigned how = tls ? MHD_USE_TLS | MHD_USE_POLL_INTERNAL_THREAD : MHD_USE_EPOLL_INTERNAL_THREAD;
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    /* clang-format off */
    struct MHD_Daemon *d = MHD_start_daemon(
        how | MHD_ALLOW_SUSPEND_RESUME, 0,
        on_accept, s, http_on_request, s,
        MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
        MHD_OPTION_NOTIFY_COMPLETED, http_on_completed, s,
        MHD_OPTION_URI_LOG_CALLBACK, http_on_target, s,
        /* At this limit libmicrohttpd stops accepting without a word: on_accept decides before. */
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)o->max + HTTP_LEAVING_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)o->timeout_s,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY_BYTES,
        MHD_OPTION_HTTPS_CERT_CALLBACK, no_certificate, /* without TLS it is ignored */
        MHD_OPTION_END);
    /* clang-format on */
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return d;
}

/*
 * When libmicrohttpd cannot start, it may have closed the socket or not.  copy, a duplicate of the
 * socket, shows whether fd is still the same file.
 */
static void close_if_same(int fd, int copy)
{
    struct stat a, b;
    if (fstat(fd, &a) == 0 && fstat(copy, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
        close(fd);
}

static void route_check(const struct http_route *r)
{
    size_t n = strlen(r->path);
    assert(n > 0 && r->path[0] == '/');
    assert(!r->prefix || r->path[n - 1] == '/');
    assert((r->fixed != NULL) + (r->probe != NULL) + (r->ask != NULL) == 1);
}

/* Readers of feeds are never closed to make room: half of the connections stay without. */
static uint32_t streams_max(const struct http_opts *o, uint32_t connections)
{
    uint32_t most = connections > 1 ? connections / 2 : 1;
    uint32_t wanted = or_default(o->max_streams, DEFAULT_STREAMS);
    return wanted < most ? wanted : most;
}

static struct http_server *server_new(const struct http_opts *o,
                                      const struct http_connections_opts *c)
{
    pthread_condattr_t attr;
    struct http_server *s = mem_zalloc(sizeof *s);
    for (size_t i = 0; i < o->n_routes; i++)
        route_check(&o->routes[i]);
    s->routes = o->routes;
    s->n_routes = o->n_routes;
    s->feeds.max = streams_max(o, c->max);
    s->feeds.max_per_ip = o->max_streams_per_ip;
    s->max_waiting = or_default(o->max_waiting, DEFAULT_WAITING);
    s->hosts = mem_strdup(o->hosts != NULL ? o->hosts : "");
    s->access_log = o->access_log;
    if (gethostname(s->name, sizeof s->name - 1) < 0)
        s->name[0] = '\0';
    if (getrandom(&s->ids, sizeof s->ids, GRND_NONBLOCK) < 0)
        s->ids = now_mono_ns(); /* early at boot */
    s->auth = o->auth;
    s->rate = o->rate;
    s->connections = http_connections_new(c);
    atomic_init(&s->refs, 1);
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->headers_lock, NULL);
    if (o->allow != NULL)
        s->allow = *o->allow;
    if (o->tls != NULL)
        s->secure = http_secure_new(&(struct http_secure_opts){
            .bundle = o->tls,
            .per_second = or_default(o->tls_handshakes_per_second, DEFAULT_HANDSHAKES),
            .timeout_s = c->timeout_s });
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->idle, &attr);
    pthread_condattr_destroy(&attr);
    return s;
}

int http_bind(const char *listen, const char **ret_error)
{
    char address[ADDRESS_TEXT_MAX];
    return http_socket_open(listen, HTTP_PORT_DEFAULT, address, ret_error);
}

int http_start(const struct http_opts *opts, struct http_server **ret, const char **ret_error)
{
    char address[ADDRESS_TEXT_MAX];
    int fd = opts->given ? http_socket_given(opts->fd, address)
                         : http_socket_open(opts->listen, HTTP_PORT_DEFAULT, address, ret_error);
    if (fd < 0)
        return fd;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    struct http_connections_opts limits = {
        .max = or_default(opts->max_connections, DEFAULT_CONNECTIONS),
        .max_per_ip = or_default(opts->max_per_ip, DEFAULT_PER_IP),
        .timeout_s = or_default(opts->timeout_s, DEFAULT_TIMEOUT_S),
    };
    if (opts->tls != NULL && limits.max > HTTP_SECURE_MAX)
        limits.max = HTTP_SECURE_MAX;
    struct http_server *s = server_new(opts, &limits);
    memcpy(s->address, address, sizeof address);
    s->listens = fd;
    s->daemon = daemon_start(s, fd, &limits);
    if (s->daemon == NULL)
        close_if_same(fd, copy);
    if (copy >= 0)
        close(copy);
    if (s->daemon == NULL) {
        http_connections_free(s->connections);
        http_secure_free(s->secure);
        http_server_unref(s);
        *ret_error = "the HTTP thread cannot be started";
        return -EAGAIN;
    }
    *ret = s;
    return 0;
}

const char *http_address(const struct http_server *s)
{
    return s->address;
}

const char *http_scheme(const struct http_server *s)
{
    return s->secure != NULL ? "https" : "http";
}

void http_tick(struct http_server *s, uint64_t now_ns)
{
    http_connections_sweep(s->connections, now_ns);
}

void http_stats(const struct http_server *s, struct http_stats *ret)
{
    ret->requests = atomic_load_explicit(&s->requests, memory_order_relaxed);
    ret->rejected = atomic_load_explicit(&s->rejected, memory_order_relaxed);
    ret->waiting = atomic_load_explicit(&s->n_waiting, memory_order_relaxed);
    ret->rate_limited = atomic_load_explicit(&s->rate_limited, memory_order_relaxed);
    for (int i = 0; i < HTTP_GUARD_REASON_COUNT; i++)
        ret->guarded[i] = atomic_load_explicit(&s->guarded[i], memory_order_relaxed);
    if (s->auth != NULL)
        http_auth_stats(s->auth, &ret->auth);
    ret->refused_network = atomic_load_explicit(&s->refused_network, memory_order_relaxed);
    ret->tls = s->secure != NULL;
    if (s->secure != NULL)
        http_secure_stats(s->secure, ret);
    http_connections_stats(s->connections, ret);
    ret->streams_max = s->feeds.max;
    ret->streams = atomic_load_explicit(&s->feeds.open, memory_order_relaxed);
    ret->streams_opened = atomic_load_explicit(&s->feeds.opened, memory_order_relaxed);
    ret->streams_overtaken = atomic_load_explicit(&s->feeds.overtaken, memory_order_relaxed);
    ret->streams_refused = atomic_load_explicit(&s->feeds.refused, memory_order_relaxed);
    ret->streams_refused_per_ip =
        atomic_load_explicit(&s->feeds.refused_per_ip, memory_order_relaxed);
}

/* With s locked: wait until all replies are sent, but at most STOP_WAIT_S. */
static void wait_until_idle(struct http_server *s)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += STOP_WAIT_S;
    while (s->n_open > 0 && pthread_cond_timedwait(&s->idle, &s->lock, &until) == 0)
        ;
}

int http_listens(const struct http_server *s)
{
    return s->listens;
}

static void quiesce(struct http_server *s)
{
    if (!s->quiesced)
        s->listens = MHD_quiesce_daemon(s->daemon);
    s->quiesced = true;
}

void http_leave(struct http_server *s)
{
    quiesce(s);
    /* relaxed: a reply that does not see it yet leaves its connection open for one more */
    atomic_store_explicit(&s->leaving, true, memory_order_relaxed);
}

void http_stop(struct http_server *s)
{
    if (s == NULL)
        return;
    quiesce(s);
    pthread_mutex_lock(&s->lock);
    assert(!s->stopping);
    s->stopping = true;
    while (s->waiting != NULL) {
        s->waiting->status = MHD_HTTP_SERVICE_UNAVAILABLE;
        http_request_resume(s, s->waiting);
    }
    wait_until_idle(s);
    pthread_mutex_unlock(&s->lock);
    MHD_stop_daemon(s->daemon);
    assert(s->n_open == 0 && s->waiting == NULL); /* its thread is gone: nobody else looks */
    http_connections_free(s->connections);
    http_secure_free(s->secure);
    if (s->listens >= 0)
        close(s->listens);
    http_server_unref(s);
}
