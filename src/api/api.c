/*
 * A request's way:
 *
 *     on_asked      the loop: requests have come in; they wait for a turn at the desk
 *     serve         their turn is over: answer each
 *       answer      its path's answer, or an error; or a job makes it (jobs.h), which
 *       reply       ends in the same way; gzip is libuv's pool's (pack, on_packed)
 *       unsent_*    the answers that their clients have yet to read, which are bounded
 */
#include "api/api.h"

#include <assert.h>
#include <stdlib.h>

#include "api/jobs.h"
#include "api/json.h"
#include "api/path.h"
#include "base/mem.h"
#include "base/now.h"
#include "http/accept.h"
#include "http/desk.h"

/* Smaller answers, which fit into a few packets, are not worth gzip. */
enum { PACK_BYTES = 4096 };

static const char prefix[] = "/api/v1/";

struct api {
    struct api_sources from;
    struct api_stats stats;
    struct http_desk desk;
    uv_async_t asked;
    struct http_body **unsent; /* n_unsent answers, with a reference to each */
    size_t n_unsent, cap_unsent;
    size_t unsent_bytes;
    size_t packing_bytes; /* of answers that are being packed */
    struct api_jobs jobs;
    bool freed;       /* by api_free, but for what is being packed */
    unsigned handles; /* not closed so far, and answers that are being packed */
};

/* An answer on its way to gzip, on libuv's pool. */
struct packing {
    uv_work_t work;
    struct api *api;
    struct http_request *request;
    struct http_body *body;
    enum api_status status;
};

static void api_check(const struct api *a)
{
    assert(a->n_unsent <= a->cap_unsent);
    assert((a->n_unsent == 0) == (a->unsent_bytes == 0)); /* no answer is empty */
}

/* ---- answers on their way ---- */

static void unsent_add_take(struct api *a, struct http_body *b)
{
    a->unsent = mem_grow(a->unsent, &a->cap_unsent, a->n_unsent + 1, sizeof(struct http_body *));
    a->unsent[a->n_unsent++] = b;
    a->unsent_bytes += http_body_memory(b);
    api_check(a);
}

/* Drop those that were sent, or whose clients have gone; all: the others too. */
static void unsent_sweep(struct api *a, bool all)
{
    size_t kept = 0;
    for (size_t i = 0; i < a->n_unsent; i++) {
        struct http_body *b = a->unsent[i];
        if (!all && !http_body_alone(b)) {
            a->unsent[kept++] = b;
            continue;
        }
        assert(http_body_memory(b) <= a->unsent_bytes);
        a->unsent_bytes -= http_body_memory(b);
        http_body_unref(b);
    }
    a->n_unsent = kept;
    api_check(a);
}

static void unsent_release(struct api *a)
{
    unsent_sweep(a, true);
    free(a->unsent);
    a->unsent = NULL;
    a->cap_unsent = 0;
}

/* ---- an answer ---- */

enum needs { NOTHING, LIFECYCLE };

static const struct path {
    const char *name;
    enum http_method method;
    enum needs needs;
    enum api_status (*answer)(const struct api_ask *ask, struct buf *out);
} paths[] = {
#define X(id, path, method, needs) { path, HTTP_##method, needs, api_##id##_answer },
    API_PATHS(X)
#undef X
};

static enum api_status say_unknown_path(struct buf *out)
{
    struct buf error = { 0 };
    const char *before = "";
    buf_append_str(&error, "no such path; there are ");
    for (size_t i = 0; i < ARRAY_LEN(paths); before = paths[i++].name)
        if (strcmp(paths[i].name, before) != 0)
            buf_printf(&error, "%s%s%s", i == 0 ? "" : ", ", prefix, paths[i].name);
    api_json_error(out, (struct slice){ 0 }, buf_slice(&error));
    buf_release(&error);
    return API_404;
}

static enum api_status say_other_methods(unsigned methods, const char **ret_allow, struct buf *out)
{
    const struct http_route route = { .methods = methods };
    struct buf error = { 0 };
    *ret_allow = http_route_allows(&route);
    buf_printf(&error, "this path takes %s", *ret_allow);
    api_json_error(out, (struct slice){ 0 }, buf_slice(&error));
    buf_release(&error);
    return API_405;
}

/* The row of that path and method.  NULL: *ret_methods are those that the path has; 0: no such path
 */
static const struct path *path_find(const char *name, enum http_method m, unsigned *ret_methods)
{
    *ret_methods = 0;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        if (strcmp(name, paths[i].name) != 0)
            continue;
        if (paths[i].method == m)
            return &paths[i];
        *ret_methods |= paths[i].method;
    }
    return NULL;
}

static enum api_status answer_of(const struct api *a, const struct http_request *r,
                                 struct api_later *later, const char **ret_allow, struct buf *out)
{
    const char *path = http_request_path(r);
    struct http_arg args[HTTP_ARGS_MAX];
    unsigned methods;
    struct api_ask ask = { .args = args,
                           .n_args = http_request_args(r, args),
                           .body = http_request_body(r),
                           .now_ms = now_wall_ms(),
                           .from = &a->from,
                           .later = api_jobs_room(&a->jobs) ? later : NULL };
    assert(strncmp(path, prefix, strlen(prefix)) == 0);
    const struct path *p = path_find(path + strlen(prefix), http_request_method(r), &methods);
    if (p == NULL)
        return methods == 0 ? say_unknown_path(out) : say_other_methods(methods, ret_allow, out);
    if (p->needs == LIFECYCLE && !a->from.lifecycle) {
        api_json_error(out, (struct slice){ 0 },
                       SLICE_LIT("not allowed; http.lifecycle = on allows it"));
        return API_403;
    }
    return p->answer(&ask, out);
}

static bool accepts_gzip(const struct http_request *r)
{
    char list[HTTP_ACCEPT_BYTES];
    return http_accept_gzip(http_request_header_list(r, "Accept-Encoding", list, sizeof list));
}

/* Takes body. */
static void send_answer(struct api *a, struct http_request *r, enum api_status status,
                        const char *allow, struct http_body *body)
{
    static const unsigned codes[] = {
#define X(status) status,
        API_STATUSES(X)
#undef X
    };
    struct http_header headers[3] = { { "Cache-Control", "no-store" } };
    size_t n = 1;
    if (allow != NULL)
        headers[n++] = (struct http_header){ "Allow", allow };
    if (status == API_503)
        headers[n++] = (struct http_header){ "Retry-After", "1" };
    a->stats.answered[status]++;
    http_answer_with(r, codes[status], body, headers, n);
    unsent_add_take(a, body);
}

/* Pool thread */
static void pack(uv_work_t *work)
{
    http_body_pack(((struct packing *)work)->body);
}

static void let_go(struct api *a)
{
    if (--a->handles == 0)
        free(a);
}

/* The API may be stopped by now, and freed but for this: the request only has to be let go of. */
static void on_packed(uv_work_t *work, int status)
{
    struct packing *p = (struct packing *)work;
    struct api *a = p->api;
    (void)status; /* it is never cancelled */
    a->packing_bytes -= http_body_bytes(p->body).len;
    send_answer(a, p->request, p->status, NULL, p->body);
    if (a->freed)
        unsent_release(a);
    free(p);
    let_go(a);
}

/* Takes json. */
static void reply(struct api *a, struct http_request *r, enum api_status status, const char *allow,
                  struct buf *json)
{
    json->ptr = mem_realloc(json->ptr, json->len); /* it may have room for twice as much */
    struct http_body *body = http_body_take("application/json", json->ptr, json->len);
    if (allow != NULL || json->len < PACK_BYTES || !accepts_gzip(r)) {
        send_answer(a, r, status, allow, body);
        return;
    }
    struct packing *p = mem_alloc(sizeof *p);
    *p = (struct packing){ .api = a, .request = r, .body = body, .status = status };
    a->packing_bytes += json->len;
    a->handles++;
    uv_queue_work(a->asked.loop, &p->work, pack, on_packed);
}

static void on_job_done(void *api, struct http_request *r, enum api_status status, struct buf *json)
{
    reply(api, r, status, NULL, json);
}

static void answer(struct api *a, struct http_request *r)
{
    const char *allow = NULL;
    enum api_status status = API_503;
    struct api_later later;
    struct buf json = { 0 };
    if (a->unsent_bytes >= API_UNSENT_BYTES) /* some may have been read since the turn was over */
        unsent_sweep(a, false);
    if (a->unsent_bytes + a->packing_bytes < API_UNSENT_BYTES)
        status = answer_of(a, r, &later, &allow, &json);
    else
        api_json_error(&json, (struct slice){ 0 },
                       SLICE_LIT("too many answers wait to be read; ask again in a second"));
    if (status == API_LATER)
        api_jobs_add(&a->jobs, r, &later);
    else
        reply(a, r, status, allow, &json);
}

static void serve(void *api, struct http_request *const *to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        answer(api, to[i]);
}

/* ---- its life ---- */

static void on_asked(uv_async_t *async)
{
    struct api *a = async->data;
    http_desk_look(&a->desk);
}

/* HTTP thread */
static void wake(void *api)
{
    uv_async_send(&((struct api *)api)->asked);
}

int api_new(const struct api_opts *opts, struct api **ret)
{
    struct api *a = mem_zalloc(sizeof *a);
    int rc = uv_async_init(opts->loop, &a->asked, on_asked);
    if (rc < 0) {
        free(a);
        return rc;
    }
    json_set_alloc_funcs(mem_alloc, free);
    a->asked.data = a;
    api_jobs_init(&a->jobs, opts->loop, on_job_done, a);
    a->handles = 3;
    a->from = opts->from;
    http_desk_init(&a->desk, &(struct http_desk_opts){ .ask_turn = opts->ask_turn,
                                                       .turn_cookie = opts->turn,
                                                       .serve = serve,
                                                       .wake = wake,
                                                       .cookie = a });
    *ret = a;
    return 0;
}

struct http_route api_route(struct api *a)
{
    return (struct http_route){
        .path = prefix,
        .prefix = true,
        .methods = HTTP_GET | HTTP_POST | HTTP_DELETE,
        .guarded = HTTP_GUARDED,
        .json = true,
        .ask = http_mailbox_ask,
        .cookie = &a->desk.mailbox,
    };
}

void api_turned(struct api *a, uint64_t done)
{
    if (a == NULL)
        return;
    unsent_sweep(a, false);
    http_desk_turned(&a->desk, done);
}

const struct api_stats *api_counted(const struct api *a)
{
    static const struct api_stats none;
    return a != NULL ? &a->stats : &none;
}

void api_stop(struct api *a)
{
    if (a == NULL)
        return;
    http_desk_close(&a->desk);
    api_jobs_stop(&a->jobs);
}

static void on_closed(uv_handle_t *handle)
{
    let_go(handle->data);
}

void api_free(struct api *a)
{
    if (a == NULL)
        return;
    a->freed = true;
    unsent_release(a);
    http_desk_release(&a->desk);
    a->jobs.working.data = a;
    a->jobs.look.data = a;
    uv_close((uv_handle_t *)&a->jobs.working, on_closed);
    uv_close((uv_handle_t *)&a->jobs.look, on_closed);
    uv_close((uv_handle_t *)&a->asked, on_closed);
}
