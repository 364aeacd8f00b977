/**
 * Any bytes as query arguments of /api/v1/events and /api/v1/checks, one on each line: the answer
 * is JSON, has no more than it may, and says which argument is wrong.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

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
                                 .now_ms = NOW_S * 1000ll,
                                 .from = &from };
    struct buf events = { 0 }, checks = { 0 };
    check_answer(api_events_answer(&ask, &events), &events, "events");
    check_answer(api_checks_answer(&ask, &checks), &checks, "checks");
    buf_release(&events);
    buf_release(&checks);
    free(exact);
    return 0;
}
