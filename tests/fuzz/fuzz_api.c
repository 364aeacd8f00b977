/**
 * Any bytes as query arguments of each path below /api/v1/, one on each line, and as the body of a
 * POST: the answer is JSON, has no more than it may, and says what is wrong.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "aggregate/profile.h"
#include "aggregate/registry.h"
#include "api/jobs.h"
#include "api/path.h"

enum { NOW_S = 1790000000, ENTRIES = 40 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct event_log *filled(void)
{
    static const struct slice tags[] = { { "env:prod", 8 }, { "team:x", 6 }, { "canary", 6 } };
    struct event_log *l = event_log_new(ENTRIES / 2);
    for (unsigned i = 0; i < ENTRIES; i++)
        event_log_add(l, &(struct event_entry){ .kind = i % 2 ? EVENT_ENTRY : CHECK_ENTRY,
                                                .received_ms = (NOW_S - 60ull * i) * 1000,
                                                .title = SLICE_LIT("db"),
                                                .text = SLICE_LIT("text"),
                                                .priority = i % 3 ? "low" : "normal",
                                                .alert_type = i % 5 ? "info" : "error",
                                                .status = i % 4,
                                                .tags = tags,
                                                .n_tags = i % 4 });
    return l;
}

/* "name=value" or "name" on each line. */
static size_t split(struct slice rest, struct http_arg *args)
{
    size_t n = 0;
    while (rest.len > 0 && n < HTTP_ARGS_MAX) {
        struct slice line = rest;
        if (!slice_cut(&rest, '\n', &line))
            rest.len = 0;
        args[n] = (struct http_arg){ 0 };
        if (slice_cut(&line, '=', &args[n].name))
            args[n].value = line;
        else
            args[n].name = line;
        n++;
    }
    return n;
}

static void check_answer(enum api_status status, const struct buf *out, const char *list)
{
    json_t *j = json_loadb(out->ptr, out->len, JSON_ALLOW_NUL, NULL);
    assert(j != NULL && (status == API_200 || status == API_400));
    if (status == API_200) {
        assert(json_array_size(json_object_get(j, list)) <= ENTRIES / 2);
        assert(json_integer_value(json_object_get(j, "total")) == ENTRIES / 2);
    } else {
        assert(json_is_string(json_object_get(j, "error")));
        assert(json_is_string(json_object_get(j, "argument")));
    }
    json_decref(j);
}

/* ---- every path, of a server in which most parts are off ---- */

static void show_capture(const void *cookie, struct api_capture_view *ret)
{
    (void)cookie;
    *ret = (struct api_capture_view){ .state = "off" };
}

static unsigned looks_until_started;

static int start_capture(void *cookie, const struct api_capture_ask *ask, uint64_t *ret_number,
                         const char **ret_why)
{
    (void)cookie;
    assert(ask->share >= 0 && ask->share <= 1);
    *ret_number = ask->seconds;
    looks_until_started = 1;
    *ret_why = "one runs already";
    return ask->seconds % 2 ? -1 : 0;
}

static int capture_started(const void *cookie, uint64_t number, const char **ret_why)
{
    (void)cookie;
    *ret_why = "the disk is full";
    if (looks_until_started == 0)
        return number % 4 == 0 ? -ENOSPC : 0;
    looks_until_started--;
    return -EAGAIN;
}

static void stop_capture(void *cookie)
{
    (void)cookie;
}

static void tell_status(void *server, struct api_about *ret)
{
    (void)server;
    ret->version = ret->instance = ret->state = "";
}

static void tell_conservation(void *server, struct api_conservation *ret)
{
    (void)server;
    (void)ret;
}

static void *explain_begin(void *server, struct slice datagram, enum api_framing framing,
                           size_t most)
{
    static unsigned steps;
    (void)server;
    (void)framing;
    assert(datagram.len > 0 && most > 0);
    steps = 2;
    return &steps;
}

static bool explain_some(void *steps, struct buf *out)
{
    if (--*(unsigned *)steps > 0)
        return true;
    buf_append_str(out, "{\"errors\":0,\"text\":\"\"}\n");
    return false;
}

static void explain_end(void *steps)
{
    assert(*(unsigned *)steps == 0);
}

static void check_path(enum api_status (*answer)(const struct api_ask *, struct buf *),
                       const struct api_ask *ask)
{
    struct buf out = { 0 };
    enum api_status status = answer(ask, &out);
    if (status == API_LATER) {
        status = API_200; /* until it says another */
        const struct api_job_ops *ops = ask->later->ops;
        void *job = ask->later->job;
        while ((ops->waits != NULL && ops->waits(job)) || ops->some(job, 0, &out, &status))
            ;
        ops->free(job);
    }
    json_t *j = json_loadb(out.ptr, out.len, JSON_ALLOW_NUL, NULL);
    assert(json_is_object(j));
    assert((status == API_200) == (json_object_get(j, "error") == NULL));
    json_decref(j);
    buf_release(&out);
}

static void check_paths(const struct api_ask *ask)
{
    static const struct api_capture capture = { .show = show_capture,
                                                .start = start_capture,
                                                .started = capture_started,
                                                .stop = stop_capture };
    static struct registry *registry;
    if (registry == NULL)
        registry = registry_new(
            &(struct registry_opts){ .profiles = profiles_new(&(struct profile){
                                         .histogram = true, .sketch_schema = 5, .scale = 1 }) });
    struct api_later later;
    const struct api_sources from = { .events = ask->from->events,
                                      .capture = &capture,
                                      .registry = registry,
                                      .status = tell_status,
                                      .conservation = tell_conservation,
                                      .explain = { explain_begin, explain_some, explain_end } };
    struct api_ask one = *ask;
    one.from = &from;
    one.later = &later;
#define X(id, path, method, needs) check_path(api_##id##_answer, &one);
    API_PATHS(X)
#undef X
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct event_log *log;
    if (log == NULL)
        log = filled();
    char *exact = malloc(size + (size == 0));
    memcpy(exact, data, size);
    struct http_arg args[HTTP_ARGS_MAX];
    const struct api_sources from = { .events = log };
    const struct api_ask ask = { .args = args,
                                 .n_args = split(slice_of(exact, size), args),
                                 .body = slice_of(exact, size),
                                 .now_ms = NOW_S * 1000ll,
                                 .from = &from };
    struct buf events = { 0 }, checks = { 0 };
    check_answer(api_events_answer(&ask, &events), &events, "events");
    check_answer(api_checks_answer(&ask, &checks), &checks, "checks");
    check_paths(&ask);
    buf_release(&events);
    buf_release(&checks);
    free(exact);
    return 0;
}
