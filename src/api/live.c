#include "api/live.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "api/json.h"
#include "base/mem.h"
#include "base/number.h"
#include "http/feed.h"
#include "http/mailbox.h"

struct api_live {
    const struct history *history;
    struct http_mailbox mailbox;
    uv_async_t asked;
    struct http_feed *feed; /* NULL: stopped */
    /* Of all rows up to number `last`, the last fresh one, made when they are asked for: */
    struct buf rows;             /* as JSON, a comma between two */
    size_t row_at[HISTORY_ROWS]; /* where each begins in that */
    uint64_t first, last;        /* last 0: there are none */
    struct http_body *recent;    /* the event; NULL: not made yet */
};

/* ---- events ---- */

static void put_number(struct buf *out, double v)
{
    char *to = buf_reserve(out, NUMBER_TEXT_MAX);
    double rounded = round(v * 1000) / 1000;
    out->len += number_print(to, isfinite(rounded) ? rounded : 0);
}

static void put_row(struct buf *out, const struct history_row *row)
{
    for (size_t c = 0; c < HISTORY_COLUMN_COUNT; c++) {
        buf_append_char(out, c == 0 ? '[' : ',');
        put_number(out, row->of[c]);
    }
    buf_append_char(out, ']');
}

/* returns  a body with one reference; takes text */
static struct http_body *event_take(struct buf *text)
{
    buf_append_str(text, "\n\n");
    return http_body_take(http_feed_type, mem_realloc(text->ptr, text->len), text->len);
}

/* last: number of the row up to which the client has them then */
static void put_head(const struct history *h, uint64_t last, const char *event, struct buf *out)
{
    if (last > 0) {
        buf_append_str(out, "id: ");
        put_number(out, history_at(h, last)->of[HISTORY_at_s]);
        buf_append_char(out, '\n');
    }
    buf_printf(out, "event: %s\ndata: ", event);
}

/*
 * Once for each fresh row, however many come: printing all takes milliseconds.  Those behind it
 * have rates of 0 until the next turn, which would be seen as a pause.
 */
static void refresh(struct api_live *l)
{
    const struct history *h = l->history;
    uint64_t last = h->fresh >= history_first(h) ? h->fresh : 0;
    if (l->last == last)
        return;
    http_body_unref(l->recent);
    l->recent = NULL;
    buf_clear(&l->rows);
    l->first = history_first(l->history);
    l->last = last;
    for (uint64_t i = l->first; i <= last; i++) {
        if (i > l->first)
            buf_append_char(&l->rows, ',');
        l->row_at[i - l->first] = l->rows.len;
        put_row(&l->rows, history_at(l->history, i));
    }
}

/* Refreshed.  first: at most one more than the last row's number */
static struct http_body *history_event(const struct api_live *l, uint64_t first)
{
    struct buf out = { 0 };
    buf_append_str(&out, "retry: 3000\n");
    put_head(l->history, l->last, "history", &out);
    buf_append_str(&out, "{\"step_s\":1,\"columns\":[");
    for (size_t c = 0; c < HISTORY_COLUMN_COUNT; c++)
        buf_printf(&out, "%s\"%s\"", c == 0 ? "" : ",", history_name((enum history_column)c));
    buf_append_str(&out, "],\"rows\":[");
    if (l->last > 0 && first <= l->last) {
        size_t at = l->row_at[first - l->first];
        buf_append(&out, l->rows.ptr + at, l->rows.len - at);
    }
    buf_append_str(&out, "]}");
    return event_take(&out);
}

static struct http_body *second_event(const struct history *h)
{
    struct buf out = { 0 };
    const struct history_row *row = history_at(h, history_last(h));
    put_head(h, history_last(h), "second", &out);
    for (size_t c = 0; c < HISTORY_COLUMN_COUNT; c++) {
        buf_printf(&out, "%c\"%s\":", c == 0 ? '{' : ',', history_name((enum history_column)c));
        put_number(&out, row->of[c]);
    }
    buf_append_char(&out, '}');
    return event_take(&out);
}

/* All rows; borrowed until a row is added.  Those who come in the same second share it. */
static struct http_body *recent(struct api_live *l)
{
    refresh(l);
    if (l->recent == NULL)
        l->recent = history_event(l, l->first);
    return l->recent;
}

static struct http_body *catch_up(void *live)
{
    struct http_body *b = recent(live);
    http_body_ref(b);
    return b;
}

/* The first row that a client with that Last-Event-ID lacks; an id of the future lacks all. */
static uint64_t first_after(const struct history *h, const char *id)
{
    double at_s;
    uint64_t first = history_first(h), last = history_last(h);
    if (last == 0 || id == NULL || !number_parse(slice_str(id), &at_s) ||
        at_s > history_at(h, last)->of[HISTORY_at_s])
        return first;
    while (first <= last && history_at(h, first)->of[HISTORY_at_s] <= at_s)
        first++;
    return first;
}

/* ---- readers ---- */

static void refuse(struct http_request *r, const char *why)
{
    struct buf json = { 0 };
    api_json_error(&json, (struct slice){ 0 }, slice_str(why));
    struct http_body *b = http_body_take("application/json", json.ptr, json.len);
    http_answer(r, 503, b);
    http_body_unref(b);
}

static void answer(struct api_live *l, struct http_request *r)
{
    if (l->feed == NULL) {
        refuse(r, "the server is stopping");
        return;
    }
    uint64_t first = first_after(l->history, http_request_header(r, "Last-Event-ID"));
    bool all = first == history_first(l->history);
    refresh(l);
    struct http_body *opening = all ? recent(l) : history_event(l, first);
    const char *why = http_feed_answer(l->feed, r, opening);
    if (why != NULL)
        refuse(r, why);
    if (!all)
        http_body_unref(opening);
}

static void on_asked(uv_async_t *async)
{
    struct api_live *l = async->data;
    struct http_request *const *to;
    size_t n = http_mailbox_take(&l->mailbox, &to);
    for (size_t i = 0; i < n; i++)
        answer(l, to[i]);
}

/* HTTP thread */
static void wake(void *live)
{
    uv_async_send(&((struct api_live *)live)->asked);
}

void api_live_added(struct api_live *l)
{
    if (l == NULL || l->feed == NULL || http_feed_readers(l->feed) == 0)
        return;
    struct http_body *b = second_event(l->history);
    http_feed_append(l->feed, b);
    http_body_unref(b);
}

size_t api_live_readers(const struct api_live *l)
{
    return l == NULL || l->feed == NULL ? 0 : http_feed_readers(l->feed);
}

/* ---- its life ---- */

int api_live_new(uv_loop_t *loop, const struct history *h, struct api_live **ret)
{
    struct api_live *l = mem_zalloc(sizeof *l);
    int rc = uv_async_init(loop, &l->asked, on_asked);
    if (rc < 0) {
        free(l);
        return rc;
    }
    l->asked.data = l;
    l->history = h;
    http_mailbox_init(&l->mailbox, wake, l);
    api_live_start(l);
    *ret = l;
    return 0;
}

struct http_route api_live_route(struct api_live *l)
{
    return (struct http_route){
        .path = "/api/v1/stream",
        .guarded = HTTP_GUARDED,
        .json = true,
        .ask = http_mailbox_ask,
        .cookie = &l->mailbox,
    };
}

void api_live_start(struct api_live *l)
{
    if (l != NULL && l->feed == NULL)
        l->feed = http_feed_new(&(struct http_feed_opts){ .catch_up = catch_up, .cookie = l });
}

void api_live_stop(struct api_live *l)
{
    if (l == NULL)
        return;
    http_feed_end(l->feed);
    l->feed = NULL;
    on_asked(&l->asked);
}

static void on_closed(uv_handle_t *asked)
{
    free(asked->data);
}

void api_live_free(struct api_live *l)
{
    if (l == NULL)
        return;
    assert(l->feed == NULL);
    http_body_unref(l->recent);
    buf_release(&l->rows);
    http_mailbox_close(&l->mailbox);
    http_mailbox_release(&l->mailbox);
    uv_close((uv_handle_t *)&l->asked, on_closed);
}
