#include "api/tail_stream.h"

#include <stdlib.h>

#include "api/json.h"
#include "base/mem.h"
#include "http/feed.h"

static const uint64_t second_ns = 1000000000;

struct tail_stream {
    struct http_feed *feed;
    struct buf lines;   /* events on their way to the next flush */
    uint32_t rate;      /* lines a second */
    uint32_t shown;     /* of these, in this second */
    uint64_t skipped;   /* not told of yet */
    uint64_t second_ns; /* when this second began */
};

struct tail_stream *tail_stream_new(uint32_t rate, uint64_t now_ns)
{
    struct tail_stream *t = mem_zalloc(sizeof *t);
    t->feed = http_feed_new(NULL);
    t->rate = rate;
    t->second_ns = now_ns;
    return t;
}

const char *tail_stream_answer(struct tail_stream *t, struct http_request *r)
{
    static const char retry[] = "retry: 3000\n\n";
    struct http_body *b = http_body_take(http_feed_type, mem_strdup(retry), sizeof retry - 1);
    const char *why = http_feed_answer(t->feed, r, b);
    http_body_unref(b);
    return why;
}

static bool has_room(struct tail_stream *t)
{
    size_t room, unread = http_feed_unread(t->feed, &room);
    return room > 1 && unread + t->lines.len < TAIL_UNREAD_BYTES;
}

static void put_event(struct buf *out, const char *name, json_t *data)
{
    buf_printf(out, "event: %s\ndata: ", name);
    api_json_put_take(data, out);
    buf_append_str(out, "\n\n");
}

static json_t *text_or_null(struct slice s)
{
    return s.ptr != NULL ? api_json_text(s) : json_null();
}

void tail_stream_skip(struct tail_stream *t)
{
    t->skipped++;
}

bool tail_stream_line(struct tail_stream *t, const struct tail_line *line)
{
    if (t->shown >= t->rate || !has_room(t)) {
        tail_stream_skip(t);
        return false;
    }
    t->shown++;
    size_t len = line->line.len < TAIL_LINE_BYTES ? line->line.len : TAIL_LINE_BYTES;
    json_t *j = json_object();
    json_object_set_new(j, "at_s", json_real(line->at_s));
    json_object_set_new(j, "line", api_json_text(slice_of(line->line.ptr, len)));
    json_object_set_new(j, "from", text_or_null(line->from));
    json_object_set_new(j, "listener", text_or_null(line->listener));
    json_object_set_new(j, "share", json_real(line->share));
    put_event(&t->lines, "line", j);
    return true;
}

void tail_stream_flush(struct tail_stream *t, uint64_t now_ns)
{
    if (now_ns >= t->second_ns + second_ns) {
        if (t->skipped > 0 && has_room(t)) {
            json_t *j = json_object();
            json_object_set_new(j, "lines", json_integer((json_int_t)t->skipped));
            put_event(&t->lines, "skipped", j);
            t->skipped = 0;
        }
        t->second_ns = now_ns;
        t->shown = 0;
    }
    http_feed_tick(t->feed, now_ns);
    if (t->lines.len == 0)
        return;
    struct http_body *b = http_body_take(http_feed_type, t->lines.ptr, t->lines.len);
    t->lines = (struct buf){ 0 };
    http_feed_append(t->feed, b);
    http_body_unref(b);
}

bool tail_stream_is_over(struct tail_stream *t)
{
    return http_feed_readers(t->feed) == 0;
}

void tail_stream_end(struct tail_stream *t)
{
    if (t == NULL)
        return;
    http_feed_end(t->feed);
    buf_release(&t->lines);
    free(t);
}
