/*
 *     on_asked -> answer    arguments, a free place, a tail_stream for it
 *     api_tails_line        each tail whose pattern matches -> its tail_stream
 *     api_tails_flush       the streams send; those whose readers have gone end
 */
#include "api/tails.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "api/args.h"
#include "api/json.h"
#include "base/glob.h"
#include "base/mem.h"
#include "base/now.h"
#include "base/number.h"
#include "http/answer.h"
#include "http/feed.h"
#include "http/mailbox.h"

enum { MATCH_MAX = 256 };

static const uint64_t second_ns = 1000000000;

struct tail {
    struct tail_stream *stream; /* NULL: this place is free */
    uint64_t who;               /* its reader's address as a number */
    char match[MATCH_MAX];
    size_t match_len;
    bool of_line;   /* match is a pattern of the line, not of the name */
    uint64_t steps; /* that it may take in what is left of this second */
};

struct api_tails {
    struct api_tails_opts opts;
    bool stopped;
    unsigned open;
    uint64_t second_ns; /* when this second began */
    struct http_mailbox mailbox;
    uv_async_t asked;
    struct tail at[API_TAILS_MAX];
};

/* ---- arguments ---- */

struct wants {
    struct slice match;
    uint32_t rate;
};

static bool read_match(struct slice value, const struct api_ask *ask, void *to)
{
    (void)ask;
    *(struct slice *)to = value;
    return value.len > 0 && value.len <= MATCH_MAX;
}

static bool read_rate(struct slice value, const struct api_ask *ask, void *to)
{
    int64_t n;
    (void)ask;
    if (!number_parse_int(value, &n) || n < 1 || n > API_TAIL_RATE_MAX)
        return false;
    *(uint32_t *)to = (uint32_t)n;
    return true;
}

/* clang-format off */
static const struct api_arg takes[] = {
    { "match", "a pattern of 1 to 256 bytes, such as web.* or *|ms|*#env:prod*",
      read_match, offsetof(struct wants, match), false },
    { "rate", "a whole number from 1 to 1000",
      read_rate, offsetof(struct wants, rate), false },
};
/* clang-format on */

/* ---- readers ---- */

static void refuse_take(struct http_request *r, unsigned status, struct buf *json)
{
    struct http_body *b = http_body_take("application/json", json->ptr, json->len);
    http_answer(r, status, b);
    http_body_unref(b);
}

static void refuse(struct http_request *r, unsigned status, const char *why)
{
    struct buf json = { 0 };
    api_json_error(&json, (struct slice){ 0 }, slice_str(why));
    refuse_take(r, status, &json);
}

/* A free place, for a client that may have one.  NULL: *ret_why says why not. */
static struct tail *place_for(struct api_tails *t, struct http_request *r, const char **ret_why)
{
    const uint64_t who = http_request_who(r);
    struct tail *found = NULL;
    uint32_t held = 0;
    for (struct tail *one = t->at; one < t->at + API_TAILS_MAX; one++) {
        held += one->stream != NULL && one->who == who;
        if (one->stream == NULL && found == NULL)
            found = one;
    }
    const bool of_address = held >= http_request_share(r, API_TAILS_MAX);
    if (found != NULL && !of_address)
        return found;
    *ret_why = found == NULL ? "16 tails are open, which is the most; try again later"
                             : "too many tails of this address are open; http.max_streams_per_ip "
                               "is their limit";
    http_feed_refused(r, found != NULL);
    return NULL;
}

static void begin(struct api_tails *t, struct http_request *r, const struct wants *w)
{
    const uint64_t who = http_request_who(r); /* r may be gone once it is answered */
    const char *why = NULL;
    struct tail *one = place_for(t, r, &why);
    if (one == NULL) {
        refuse(r, 503, why);
        return;
    }
    struct tail_stream *stream = tail_stream_new(w->rate, now_mono_ns());
    why = tail_stream_answer(stream, r);
    if (why != NULL) {
        tail_stream_end(stream);
        refuse(r, 503, why);
        return;
    }
    *one = (struct tail){
        .stream = stream, .who = who, .match_len = w->match.len, .steps = API_TAIL_SECOND_STEPS
    };
    memcpy(one->match, w->match.ptr, w->match.len);
    one->of_line = memchr(one->match, ':', one->match_len) != NULL ||
                   memchr(one->match, '|', one->match_len) != NULL;
    t->open++;
    t->opts.opened(t->opts.cookie);
}

static void answer(struct api_tails *t, struct http_request *r)
{
    struct http_arg args[HTTP_ARGS_MAX];
    struct api_ask ask = { .args = args, .n_args = http_request_args(r, args) };
    struct wants w = { .match = SLICE_LIT("*"), .rate = API_TAIL_RATE };
    struct buf error = { 0 };
    if (t->stopped)
        refuse(r, 503, "the server is stopping");
    else if (t->opts.refusal != NULL)
        refuse(r, 403, t->opts.refusal);
    else if (!api_args_read(&ask, takes, ARRAY_LEN(takes), &w, &error))
        refuse_take(r, 400, &error);
    else
        begin(t, r, &w);
}

static void on_asked(uv_async_t *async)
{
    struct api_tails *t = async->data;
    struct http_request *const *to;
    size_t n = http_mailbox_take(&t->mailbox, &to);
    for (size_t i = 0; i < n; i++)
        answer(t, to[i]);
}

/* HTTP thread */
static void wake(void *tails)
{
    uv_async_send(&((struct api_tails *)tails)->asked);
}

/* ---- lines ---- */

bool api_tails_open(const struct api_tails *t)
{
    return t != NULL && t->open > 0;
}

/* ret_cost grows by the steps that it took. */
static bool matches(struct tail *t, struct slice line, struct slice name, uint32_t *ret_cost)
{
    struct slice text = t->of_line || name.ptr == NULL ? line : name;
    const uint64_t may = t->steps < API_TAIL_LINE_STEPS ? t->steps : API_TAIL_LINE_STEPS;
    uint64_t left = may;
    if (text.len > TAIL_LINE_BYTES)
        text.len = TAIL_LINE_BYTES;
    enum glob_result is = glob_try(slice_of(t->match, t->match_len), text, &left);
    t->steps -= may - left;
    *ret_cost += (uint32_t)(may - left);
    if (is == GLOB_GIVEN_UP)
        tail_stream_skip(t->stream);
    return is == GLOB_YES;
}

uint32_t api_tails_line(struct api_tails *t, struct slice line, struct slice name,
                        void (*about)(void *cookie, struct tail_line *ret), void *cookie)
{
    struct tail_line l = { .line = line };
    uint32_t cost = 0;
    bool known = false;
    for (struct tail *one = t->at; one < t->at + API_TAILS_MAX; one++) {
        if (one->stream == NULL || !matches(one, line, name, &cost))
            continue;
        if (!known)
            about(cookie, &l);
        known = true;
        if (tail_stream_line(one->stream, &l))
            cost += API_TAIL_SHOWN_STEPS;
    }
    return cost;
}

static void end(struct api_tails *t, struct tail *one)
{
    tail_stream_end(one->stream);
    one->stream = NULL;
    t->open--;
}

void api_tails_flush(struct api_tails *t, uint64_t now_ns)
{
    const bool over = now_ns >= t->second_ns + second_ns;
    if (over)
        t->second_ns = now_ns;
    for (struct tail *one = t->at; one < t->at + API_TAILS_MAX; one++) {
        if (one->stream == NULL)
            continue;
        if (over)
            one->steps = API_TAIL_SECOND_STEPS;
        tail_stream_flush(one->stream, now_ns);
        if (tail_stream_is_over(one->stream))
            end(t, one);
    }
}

/* ---- its life ---- */

int api_tails_new(const struct api_tails_opts *opts, struct api_tails **ret)
{
    struct api_tails *t = mem_zalloc(sizeof *t);
    int rc = uv_async_init(opts->loop, &t->asked, on_asked);
    if (rc < 0) {
        free(t);
        return rc;
    }
    t->asked.data = t;
    t->opts = *opts;
    http_mailbox_init(&t->mailbox, wake, t);
    *ret = t;
    return 0;
}

struct http_route api_tails_route(struct api_tails *t)
{
    return (struct http_route){
        .path = "/api/v1/tail",
        .guarded = HTTP_GUARDED,
        .json = true,
        .ask = http_mailbox_ask,
        .cookie = &t->mailbox,
    };
}

void api_tails_start(struct api_tails *t)
{
    if (t != NULL)
        t->stopped = false;
}

void api_tails_stop(struct api_tails *t)
{
    if (t == NULL)
        return;
    for (unsigned i = 0; i < API_TAILS_MAX; i++)
        if (t->at[i].stream != NULL)
            end(t, &t->at[i]);
    t->stopped = true;
    on_asked(&t->asked);
}

static void on_closed(uv_handle_t *asked)
{
    free(asked->data);
}

void api_tails_free(struct api_tails *t)
{
    if (t == NULL)
        return;
    assert(t->open == 0);
    http_mailbox_close(&t->mailbox);
    http_mailbox_release(&t->mailbox);
    uv_close((uv_handle_t *)&t->asked, on_closed);
}
