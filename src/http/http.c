#include "http/http.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "http/body.h"
#include "http/encoding.h"
#include "http/reply.h"
#include "http/socket.h"

enum {
    DEFAULT_CONNECTIONS = 1024,
    DEFAULT_PER_IP = 32,            /* fewer than all connections: one host cannot lock the others out */
    DEFAULT_TIMEOUT_S = 5,
    DEFAULT_WAITING = 64,
    CONNECTION_MEMORY_BYTES = 32 * 1024,
    STOP_WAIT_S = 1,
};

struct http_server {
    struct MHD_Daemon *daemon;
    const struct http_route *routes;
    size_t n_routes;
    uint32_t max_waiting;
    char address[ADDRESS_TEXT_MAX];
    atomic_uint refs;                       /* http_stop's, and one per request */
    _Atomic uint64_t requests, rejected;    /* written by the HTTP thread only */

    pthread_mutex_t lock;                   /* of what follows, and of the requests' `waits` */
    pthread_cond_t idle;                    /* n_open became 0 */
    bool stopping;
    uint64_t n_open;                        /* begun and not yet sent */
    _Atomic uint64_t n_waiting;             /* in the list; changed under the lock, read without */
    struct http_request *waiting;           /* list */
};

/**
 * A request.  Two hold it: the connection, until libmicrohttpd says that it is done with it, and, for a deferred one, its
 * owner, until http_answer.  A suspended connection does not end before it is resumed, so a request that waits has one.
 */
struct http_request {
    struct http_server *server;
    struct MHD_Connection *connection;
    const struct http_route *route;
    atomic_uint refs;
    bool gzip, head;
    bool deferred;                          /* HTTP thread: ask was called, what comes next is the answer */
    bool waits;                             /* in the server's list; leaves it once, by whoever answers */
    struct http_request *prev, *next;
    /* The answer: written before the connection is resumed, read after. */
    unsigned status;
    struct http_body *body;
    struct http_reader *reader;             /* instead of body */
};

static void server_unref(struct http_server *s)
{
    if (atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    pthread_cond_destroy(&s->idle);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static struct http_request *request_new(struct http_server *s, struct MHD_Connection *connection)
{
    struct http_request *r = mem_zalloc(sizeof *r);
    r->server = s;
    r->connection = connection;
    atomic_init(&r->refs, 1);
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    pthread_mutex_lock(&s->lock);
    s->n_open++;
    pthread_mutex_unlock(&s->lock);
    return r;
}

static void request_unref(struct http_request *r)
{
    if (atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1)
        return;
    http_body_unref(r->body);
    http_reader_detach(r->reader);          /* hung up before it read anything */
    server_unref(r->server);
    free(r);
}

/**
 * Let r wait for its owner, who holds it from here on.  The connection is suspended under our lock: whoever finds r in the
 * list may resume it.  Lock order: ours, then libmicrohttpd's.
 *   returns  0, -EBUSY when as many wait as may, -ESHUTDOWN
 */
static int waiting_add(struct http_server *s, struct http_request *r)
{
    int rc = 0;
    pthread_mutex_lock(&s->lock);
    if (s->stopping) {
        rc = -ESHUTDOWN;
    } else if (s->n_waiting >= s->max_waiting) {
        rc = -EBUSY;
    } else {
        s->n_waiting++;
        atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
        r->deferred = r->waits = true;
        r->next = s->waiting;
        if (r->next != NULL)
            r->next->prev = r;
        s->waiting = r;
        MHD_suspend_connection(r->connection);
    }
    pthread_mutex_unlock(&s->lock);
    return rc;
}

/* Locked.  The connection goes on with what was put into r; its hold on r may end at once, the owner's stays. */
static void waiting_resume(struct http_server *s, struct http_request *r)
{
    *(r->prev ? &r->prev->next : &s->waiting) = r->next;
    if (r->next != NULL)
        r->next->prev = r->prev;
    s->n_waiting--;
    r->waits = false;
    MHD_resume_connection(r->connection);
}

void http_answer(struct http_request *r, unsigned status, struct http_body *body)
{
    struct http_server *s = r->server;
    pthread_mutex_lock(&s->lock);
    if (r->waits) {
        r->status = status;
        r->body = body;
        if (body != NULL)
            http_body_ref(body);
        waiting_resume(s, r);
    }
    pthread_mutex_unlock(&s->lock);
    request_unref(r);
}

void http_answer_stream(struct http_request *const *to, size_t n, struct http_stream *st)
{
    struct http_server *s = to[0]->server;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < n; i++)
        if (to[i]->waits)
            to[i]->reader = http_reader_attach(st, to[i]->connection);
    http_reader_begin(st);
    for (size_t i = 0; i < n; i++)
        if (to[i]->waits)
            waiting_resume(s, to[i]);
    pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; i < n; i++)
        request_unref(to[i]);
}

bool http_request_gzip(const struct http_request *r)
{
    return r->gzip;
}

const char *http_request_header(const struct http_request *r, const char *name)
{
    return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

const char *http_request_arg(const struct http_request *r, const char *name)
{
    return MHD_lookup_connection_value(r->connection, MHD_GET_ARGUMENT_KIND, name);
}

static void count(_Atomic uint64_t *c)
{
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + 1, memory_order_relaxed);
}

/* text: one line without its end */
static enum MHD_Result reply_text(const struct http_request *r, unsigned status, const char *text)
{
    return http_reply_text(r->connection, status, text, r->route != NULL && r->route->post ? "POST, PUT" : "GET, HEAD");
}

static enum MHD_Result reject(struct http_request *r, unsigned status, const char *text)
{
    count(&r->server->rejected);
    return reply_text(r, status, text);
}

static const struct http_route *route_find(const struct http_server *s, const char *path)
{
    for (size_t i = 0; i < s->n_routes; i++) {
        if (strcmp(s->routes[i].path, path) == 0)
            return &s->routes[i];
    }
    return NULL;
}

static enum MHD_Result defer(struct http_request *r)
{
    const struct http_route *route = r->route;
    int rc = waiting_add(r->server, r);
    if (rc == -EBUSY)
        return reject(r, MHD_HTTP_SERVICE_UNAVAILABLE, "too many requests wait for an answer");
    if (rc < 0)
        return reject(r, MHD_HTTP_SERVICE_UNAVAILABLE, "the server is stopping");
    route->ask(route->cookie, r);       /* r may be gone when it returns */
    return MHD_YES;
}

static enum MHD_Result reply_deferred(struct http_request *r)
{
    struct http_reader *reader = r->reader;
    if (reader == NULL)
        return http_reply_body(r->connection, r->status, r->body);
    r->reader = NULL;
    return http_reply_stream(r->connection, reader, r->head);
}

static enum MHD_Result reply(struct http_request *r)
{
    const struct http_route *route = r->route;
    if (r->deferred)
        return reply_deferred(r);
    if (route->fixed != NULL)
        return http_reply_body(r->connection, MHD_HTTP_OK, route->fixed);
    if (route->probe != NULL) {
        const char *text = "";
        unsigned status = route->probe(route->cookie, &text);
        return reply_text(r, status, text);
    }
    return defer(r);
}

static bool takes(const struct http_route *route, const char *method)
{
    if (route->post)
        return strcmp(method, MHD_HTTP_METHOD_POST) == 0 || strcmp(method, MHD_HTTP_METHOD_PUT) == 0;
    return strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
}

/* The head is here.  What is refused is refused now, before a body is read. */
static enum MHD_Result begin(struct http_request *r, const char *path, const char *method)
{
    count(&r->server->requests);
    r->route = route_find(r->server, path);
    if (r->route == NULL)
        return reject(r, MHD_HTTP_NOT_FOUND, "not found");
    if (!takes(r->route, method))
        return reject(r, MHD_HTTP_METHOD_NOT_ALLOWED, r->route->post ? "only POST and PUT" : "only GET and HEAD");
    const char *accept = http_request_header(r, MHD_HTTP_HEADER_ACCEPT_ENCODING);
    r->head = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
    r->gzip = accept != NULL && http_encoding_gzip(slice_str(accept));
    return MHD_YES;
}

/* libmicrohttpd calls: once with the head, then with each piece of a body, then to ask for the reply. */
/* NOLINTNEXTLINE(readability-function-size): the parameters are libmicrohttpd's */
static enum MHD_Result on_request(void *cookie, struct MHD_Connection *connection, const char *path, const char *method,
                                  const char *version, const char *upload, size_t *upload_len, void **request)
{
    struct http_request *r = *request;
    (void)version;
    (void)upload;
    if (r == NULL) {
        *request = r = request_new(cookie, connection);
        return begin(r, path, method);
    }
    if (*upload_len > 0) {
        *upload_len = 0;        /* read and forgotten */
        return MHD_YES;
    }
    return reply(r);
}

static void on_completed(void *cookie, struct MHD_Connection *connection, void **request, enum MHD_RequestTerminationCode why)
{
    struct http_server *s = cookie;
    struct http_request *r = *request;
    (void)connection;
    (void)why;
    if (r == NULL)
        return;
    *request = NULL;
    pthread_mutex_lock(&s->lock);
    assert(!r->waits);
    s->n_open--;
    if (s->n_open == 0)
        pthread_cond_signal(&s->idle);
    pthread_mutex_unlock(&s->lock);
    request_unref(r);
}

static uint32_t or_default(uint32_t v, uint32_t otherwise)
{
    return v ? v : otherwise;
}

/* Its thread takes no signals: they are for the one that expects them. */
static struct MHD_Daemon *daemon_start(struct http_server *s, int fd, const struct http_opts *o)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    struct MHD_Daemon *d = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, s,
        MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)or_default(o->max_connections, DEFAULT_CONNECTIONS),
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)or_default(o->max_per_ip, DEFAULT_PER_IP),
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)or_default(o->timeout_s, DEFAULT_TIMEOUT_S),
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY_BYTES, MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return d;
}

/* When libmicrohttpd cannot start it has closed the socket or not, as the case may be.  copy is a duplicate of it. */
static void close_if_same(int fd, int copy)
{
    struct stat a, b;
    if (fstat(fd, &a) == 0 && fstat(copy, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
        close(fd);
}

static struct http_server *server_new(const struct http_opts *o)
{
    pthread_condattr_t attr;
    struct http_server *s = mem_zalloc(sizeof *s);
    s->routes = o->routes;
    s->n_routes = o->n_routes;
    s->max_waiting = or_default(o->max_waiting, DEFAULT_WAITING);
    atomic_init(&s->refs, 1);
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->idle, &attr);
    pthread_condattr_destroy(&attr);
    return s;
}

int http_start(const struct http_opts *opts, struct http_server **ret, const char **ret_error)
{
    char address[ADDRESS_TEXT_MAX];
    int fd = http_socket_open(opts->listen, address, ret_error);
    if (fd < 0)
        return fd;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    struct http_server *s = server_new(opts);
    memcpy(s->address, address, sizeof address);
    s->daemon = daemon_start(s, fd, opts);
    if (s->daemon == NULL)
        close_if_same(fd, copy);
    if (copy >= 0)
        close(copy);
    if (s->daemon == NULL) {
        server_unref(s);
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

void http_stats(const struct http_server *s, struct http_stats *ret)
{
    ret->requests = atomic_load_explicit(&s->requests, memory_order_relaxed);
    ret->rejected = atomic_load_explicit(&s->rejected, memory_order_relaxed);
    ret->waiting = atomic_load_explicit(&s->n_waiting, memory_order_relaxed);
}

/* Until nothing is under way, or a second has passed: a client that does not read cannot hold the server. */
static void wait_until_idle(struct http_server *s)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += STOP_WAIT_S;
    while (s->n_open > 0 && pthread_cond_timedwait(&s->idle, &s->lock, &until) == 0)
        ;
}

void http_stop(struct http_server *s)
{
    if (s == NULL)
        return;
    int fd = MHD_quiesce_daemon(s->daemon);
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    while (s->waiting != NULL) {
        s->waiting->status = MHD_HTTP_SERVICE_UNAVAILABLE;
        waiting_resume(s, s->waiting);
    }
    wait_until_idle(s);
    pthread_mutex_unlock(&s->lock);
    MHD_stop_daemon(s->daemon);
    if (fd >= 0)
        close(fd);
    server_unref(s);
}
