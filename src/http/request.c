/*
 * A request's life, from its first line to its reply.  libmicrohttpd calls, on the HTTP thread:
 *
 *   http_on_target      the first line is here: request_new
 *   http_on_request     the head is here: begin looks who asks, and finds the route, or rejects
 *   http_on_request     for each part of a body: upload.c
 *   http_on_request     the request is complete: reply.  One whose password has to be checked is
 *                       suspended, put into the server's list and given to auth
 *        on_verdict     (checker's thread) takes it off the list and resumes the connection
 *   http_on_request     after that: reply again, which finds the route, or rejects.  A deferred
 *                       one: defer suspends the
 *                       connection, puts the request into the server's list and calls `ask`
 *        http_answer    (any thread) puts the answer into the request, takes it off the list and
 *                       resumes the connection
 *   http_on_request     after that: reply_deferred
 *   http_on_completed   the reply is sent, or the connection is gone
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/now.h"
#include "http/accept.h"
#include "http/access.h"
#include "http/body_priv.h"
#include "http/http_priv.h"
#include "http/rate.h"
#include "http/reply.h"
#include "http/route.h"
#include "http/sites.h"
#include "http/target.h"
#include "http/upload.h"

enum { CHECKING_MAX = 64 }; /* requests whose password is being checked */

/* Of a request in the list, with its server locked. */
static void waiting_check(const struct http_server *s, const struct http_request *r)
{
    assert(r->waits && r->deferred == (r->route != NULL) && !s->stopping);
    assert(r->deferred || (r->asked && r->verdict == HTTP_AUTH_UNKNOWN));
    assert(s->n_checking <= CHECKING_MAX && s->n_checking <= s->n_waiting);
    assert(s->n_waiting > 0 && s->n_waiting - s->n_checking <= s->max_waiting);
    assert(r->prev != NULL ? r->prev->next == r : s->waiting == r);
    assert(r->next == NULL || r->next->prev == r);
}

static struct http_request *request_new(struct http_server *s, struct MHD_Connection *connection)
{
    struct http_request *r = mem_zalloc(sizeof *r);
    r->server = s;
    r->connection = connection;
    r->who = http_connection_who(http_connection_of(connection));
    atomic_init(&r->refs, 1);
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return r;
}

static void request_unref(struct http_request *r)
{
    if (atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1)
        return;
    http_body_unref(r->body);
    buf_release(&r->headers);
    http_upload_release(r);
    free(r->target);
    http_reader_detach(r->reader); /* not NULL: the client hung up before it read anything */
    http_feed_detach(r->feed_reader);
    http_server_unref(r->server);
    free(r);
}

static bool is_full(const struct http_server *s, bool checking)
{
    return checking ? s->n_checking >= CHECKING_MAX
                    : s->n_waiting - s->n_checking >= s->max_waiting;
}

/*
 * Suspend r's connection and put r into the list, with a reference for its owner (one without a
 * route waits for its verdict).  Both under the server's lock, since whoever finds r in the list
 * may resume it.  Lock order: the server's, a stream's, libmicrohttpd's.
 *   returns  0; -EBUSY: as many wait as may; -ESHUTDOWN: http_stop was called
 */
static int waiting_add(struct http_server *s, struct http_request *r)
{
    int rc = 0;
    bool checking = r->route == NULL;
    assert((checking || r->route->ask != NULL) && !r->deferred && r->begun);
    pthread_mutex_lock(&s->lock);
    if (s->stopping) {
        rc = -ESHUTDOWN;
    } else if (is_full(s, checking)) {
        rc = -EBUSY;
    } else {
        s->n_waiting++;
        s->n_checking += checking;
        atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
        r->waits = true;
        r->asked = r->asked || checking;
        r->deferred = !checking;
        r->next = s->waiting;
        if (r->next != NULL)
            r->next->prev = r;
        s->waiting = r;
        waiting_check(s, r);
        http_connection_waits(http_connection_of(r->connection));
        MHD_suspend_connection(r->connection);
    }
    pthread_mutex_unlock(&s->lock);
    return rc;
}

void http_request_resume(struct http_server *s, struct http_request *r)
{
    assert(r->waits && (r->body != NULL) + (r->reader != NULL) + (r->feed_reader != NULL) <= 1);
    *(r->prev ? &r->prev->next : &s->waiting) = r->next;
    if (r->next != NULL)
        r->next->prev = r->prev;
    r->prev = r->next = NULL; /* it may come into the list again, for its answer */
    s->n_waiting--;
    s->n_checking -= !r->deferred;
    r->waits = false;
    MHD_resume_connection(r->connection);
}

void http_answer(struct http_request *r, unsigned status, struct http_body *body)
{
    http_answer_with(r, status, body, NULL, 0);
}

void http_answer_with(struct http_request *r, unsigned status, struct http_body *body,
                      const struct http_header *headers, size_t n_headers)
{
    struct http_server *s = r->server;
    assert(status >= MHD_HTTP_OK && status < 600);
    pthread_mutex_lock(&s->lock);
    if (r->waits) {
        waiting_check(s, r);
        r->status = status;
        r->body = body;
        if (body != NULL)
            http_body_ref(body);
        http_headers_copy(&r->headers, headers, n_headers);
        http_request_resume(s, r);
    }
    pthread_mutex_unlock(&s->lock);
    request_unref(r);
}

static void stream_attach(struct http_request *r, struct http_stream *st)
{
    waiting_check(r->server, r);
    r->status = MHD_HTTP_OK;
    r->reader = http_reader_attach(st, r->connection);
}

void http_answer_stream(struct http_request *const *to, size_t n, struct http_stream *st)
{
    assert(n > 0);
    struct http_server *s = to[0]->server;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < n; i++)
        if (to[i]->waits)
            stream_attach(to[i], st);
    http_reader_begin(st);
    for (size_t i = 0; i < n; i++)
        if (to[i]->waits)
            http_request_resume(s, to[i]);
    pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; i < n; i++)
        request_unref(to[i]);
}

const char *http_feed_answer(struct http_feed *f, struct http_request *r, struct http_body *opening)
{
    struct http_server *s = r->server;
    const char *why = NULL;
    pthread_mutex_lock(&s->lock);
    if (r->waits) {
        waiting_check(s, r);
        r->feed_reader = http_feed_attach(f, r->connection, &s->feeds, opening, &why);
    }
    if (r->waits && why == NULL) {
        r->status = MHD_HTTP_OK;
        http_request_resume(s, r);
    }
    pthread_mutex_unlock(&s->lock);
    if (why == NULL)
        request_unref(r);
    return why;
}

static void count(_Atomic uint64_t *c)
{
    uint64_t n = atomic_load_explicit(c, memory_order_relaxed);
    atomic_store_explicit(c, n + 1, memory_order_relaxed);
}

static enum MHD_Result reply_text(struct http_request *r, unsigned status, const char *text)
{
    return http_reply_text(r, status, text, http_route_allows(r->found));
}

static enum MHD_Result reject(struct http_request *r, unsigned status, const char *text)
{
    r->rejected = true;
    count(&r->server->rejected);
    http_connection_answers(http_connection_of(r->connection));
    return reply_text(r, status, text);
}

static enum MHD_Result defer(struct http_request *r)
{
    const struct http_route *route = r->route;
    int rc = waiting_add(r->server, r);
    if (rc == -EBUSY)
        return reject(r, MHD_HTTP_SERVICE_UNAVAILABLE, "too many requests wait for an answer");
    if (rc < 0)
        return reject(r, MHD_HTTP_SERVICE_UNAVAILABLE, "the server is stopping");
    route->ask(route->cookie, r); /* r may be gone when it returns */
    return MHD_YES;
}

static enum MHD_Result reply_deferred(struct http_request *r)
{
    struct http_reader *reader = r->reader;
    struct http_feed_reader *feed_reader = r->feed_reader;
    assert(!r->waits && r->status != 0);
    r->reader = NULL;
    r->feed_reader = NULL;
    if (feed_reader != NULL)
        return http_reply_feed(r, feed_reader);
    if (reader != NULL)
        return http_reply_stream(r, reader);
    return http_reply_body(r, r->status, r->body, buf_slice(&r->headers));
}

static void on_verdict(void *request, enum http_verdict v)
{
    struct http_request *r = request;
    struct http_server *s = r->server;
    pthread_mutex_lock(&s->lock);
    if (r->waits) {
        waiting_check(s, r);
        r->verdict = v;
        http_request_resume(s, r);
    }
    pthread_mutex_unlock(&s->lock);
    request_unref(r);
}

static enum MHD_Result reject_busy(struct http_request *r)
{
    return reject(r, MHD_HTTP_TOO_MANY_REQUESTS, "too many requests, come again");
}

static enum MHD_Result reject_upload(struct http_request *r)
{
    return reject(r, r->upload_status,
                  r->upload_status == MHD_HTTP_CONTENT_TOO_LARGE
                      ? "the body is longer than this path takes"
                      : "too many bodies of requests are kept, come again");
}

static enum MHD_Result have_checked(struct http_request *r)
{
    struct http_server *s = r->server;
    int rc = r->asked ? -ESHUTDOWN : waiting_add(s, r); /* asked: http_stop resumed it */
    if (rc == -EBUSY)
        return reject_busy(r);
    if (rc < 0)
        return reject(r, MHD_HTTP_SERVICE_UNAVAILABLE, "the server is stopping");
    /* Suspended, it keeps its header; r may be gone when this returns. */
    http_auth_ask(s->auth, http_request_header(r, MHD_HTTP_HEADER_AUTHORIZATION), r->who,
                  on_verdict, r);
    return MHD_YES;
}

/* It is known who asks: find the route, or reject. */
static enum MHD_Result enter(struct http_request *r, const char *method)
{
    if (r->verdict == HTTP_AUTH_BAD)
        return reject(r, MHD_HTTP_UNAUTHORIZED, "a user and a password are needed");
    if (r->verdict == HTTP_AUTH_BUSY)
        return reject_busy(r);
    http_request_trust(r);
    if (r->long_query || http_args_too_many(r))
        return reject(r, MHD_HTTP_URI_TOO_LONG, "the query is too long, or has too many arguments");
    if (r->found == NULL)
        return reject(r, MHD_HTTP_NOT_FOUND, "not found");
    r->method = http_method_of(method);
    if (!http_route_takes(r->found, r->method))
        return reject(r, MHD_HTTP_METHOD_NOT_ALLOWED, http_route_only(r->found));
    if (r->upload_status != 0)
        return reject_upload(r);
    enum http_guard_reason why = HTTP_GUARD_REASON_COUNT;
    if (r->found->guarded != HTTP_UNGUARDED)
        why = http_guard_look(r);
    if (why != HTTP_GUARD_REASON_COUNT) {
        count(&r->server->guarded[why]);
        return reject(r, http_guard_status(why), http_guard_text(why));
    }
    r->route = r->found;
    char list[HTTP_ACCEPT_BYTES];
    r->head = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
    r->gzip = http_accept_gzip(
        http_request_header_list(r, MHD_HTTP_HEADER_ACCEPT_ENCODING, list, sizeof list));
    return MHD_YES;
}

static enum MHD_Result reply(struct http_request *r, const char *method)
{
    http_connection_answers(http_connection_of(r->connection));
    if (r->verdict == HTTP_AUTH_UNKNOWN)
        return have_checked(r);
    enum MHD_Result rc = r->route == NULL ? enter(r, method) : MHD_YES;
    const struct http_route *route = r->route;
    if (r->rejected)
        return rc;
    if (r->deferred)
        return reply_deferred(r);
    if (r->upload_status != 0)
        return reject_upload(r);
    if (route->fixed != NULL)
        return http_reply_body(r, MHD_HTTP_OK, route->fixed, (struct slice){ 0 });
    if (route->probe != NULL) {
        const char *text = "";
        unsigned status = route->probe(route->cookie, &text);
        return reply_text(r, status, text);
    }
    return defer(r);
}

/* The head is here.  A request is rejected now, before a body is read, but for one whose password
 * has to be checked. */
static enum MHD_Result begin(struct http_request *r, const char *target, const char *method)
{
    struct http_server *s = r->server;
    r->begun = true;
    http_access_begin(r);
    r->path = http_target_path(target);
    r->method_name = method;
    r->found = http_route_find(s->routes, s->n_routes, r->path);
    http_upload_begin(r, method);
    pthread_mutex_lock(&s->lock);
    s->n_open++;
    pthread_mutex_unlock(&s->lock);
    count(&s->requests);
    if (http_request_lacks_certificate(r))
        return reject(r, MHD_HTTP_FORBIDDEN, "a client certificate is needed");
    if (s->rate != NULL && !http_rate_take(s->rate, now_mono_ns())) {
        count(&s->rate_limited);
        return reject_busy(r);
    }
    r->verdict = HTTP_AUTH_OK;
    if (s->auth != NULL)
        r->verdict = http_auth_look(s->auth, http_request_header(r, MHD_HTTP_HEADER_AUTHORIZATION));
    return r->verdict == HTTP_AUTH_UNKNOWN ? MHD_YES : enter(r, method);
}

void *http_on_target(void *cookie, const char *target, struct MHD_Connection *connection)
{
    struct http_request *r = request_new(cookie, connection);
    http_access_target(r, target);
    r->long_query = http_target_cut_query(target);
    return r;
}

/* NOLINTNEXTLINE(readability-function-size): the parameters are libmicrohttpd's */
enum MHD_Result http_on_request(void *cookie, struct MHD_Connection *connection, const char *path,
                                const char *method, const char *version, const char *upload,
                                size_t *upload_len, void **request)
{
    struct http_request *r = *request;
    (void)cookie;
    (void)version;
    http_secure_heard(http_connection_handshake(http_connection_of(connection)));
    if (!r->begun)
        return begin(r, path, method);
    if (*upload_len > 0) {
        http_upload_add(r, upload, *upload_len);
        *upload_len = 0; /* all of it was taken */
        return MHD_YES;
    }
    return reply(r, method);
}

void http_on_completed(void *cookie, struct MHD_Connection *connection, void **request,
                       enum MHD_RequestTerminationCode why)
{
    struct http_server *s = cookie;
    struct http_request *r = *request;
    *request = NULL;
    struct http_connection *c = http_connection_of(connection);
    if (why == MHD_REQUEST_TERMINATED_COMPLETED_OK)
        http_connection_reads(c);
    else
        http_connection_ends(c, why == MHD_REQUEST_TERMINATED_TIMEOUT_REACHED);
    if (r == NULL)
        return;
    if (r->begun) {
        http_access_log(r, why != MHD_REQUEST_TERMINATED_COMPLETED_OK);
        pthread_mutex_lock(&s->lock);
        assert(!r->waits && s->n_open > 0);
        s->n_open--;
        if (s->n_open == 0)
            pthread_cond_signal(&s->idle);
        pthread_mutex_unlock(&s->lock);
    }
    request_unref(r);
}
