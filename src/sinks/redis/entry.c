/*
 * redis_entry_new
 *   put_command      XADD, key, MAXLEN
 *   put_fields       id, instance, received_ms, timestamp, host, tags: of both kinds
 *     put_event, put_check
 *   the number of arguments, known now, goes to its place in front
 */
#include "sinks/redis/entry.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "base/number.h"
#include "sinks/redis/keys.h"
#include "sinks/redis/resp.h"

_Static_assert(offsetof(struct redis_entry, cargo) == 0, "an answer looks there");

enum { ARGS_DIGITS = 2 }; /* always: 20 to 32 arguments */

struct command {
    struct buf out;
    unsigned args;
};

static void put(struct command *c, struct slice arg)
{
    redis_resp_arg(&c->out, arg);
    c->args++;
}

static void put_u64(struct command *c, uint64_t v)
{
    char text[NUMBER_TEXT_MAX];
    put(c, slice_of(text, number_print_u64(text, v)));
}

static void put_i64(struct command *c, int64_t v)
{
    char text[NUMBER_TEXT_MAX];
    put(c, slice_of(text, number_print_i64(text, v)));
}

static void put_field(struct command *c, const char *name, struct slice value)
{
    if (value.ptr == NULL)
        return; /* it did not come */
    put(c, slice_str(name));
    put(c, value);
}

/* ---- tags ---- */

static void json_char(struct buf *out, char ch)
{
    if (ch == '"' || ch == '\\') {
        buf_append_char(out, '\\');
        buf_append_char(out, ch);
    } else if ((unsigned char)ch < 0x20) {
        buf_printf(out, "\\u%04x", (unsigned)ch);
    } else {
        buf_append_char(out, ch);
    }
}

static void put_tags(struct command *c, const struct event_entry *e)
{
    struct buf json = { 0 };
    buf_append_char(&json, '[');
    for (uint32_t i = 0; i < e->n_tags; i++) {
        buf_append_str(&json, i == 0 ? "\"" : ",\"");
        for (size_t k = 0; k < e->tags[i].len; k++)
            json_char(&json, e->tags[i].ptr[k]);
        buf_append_char(&json, '"');
    }
    buf_append_char(&json, ']');
    put_field(c, "tags", buf_slice(&json));
    buf_release(&json);
}

/* ---- fields ---- */

static void put_event(struct command *c, const struct event_entry *e)
{
    put_field(c, "title", e->title);
    put_field(c, "text", slice_of(e->text.ptr != NULL ? e->text.ptr : "", e->text.len));
    put_field(c, "priority", slice_str(e->priority));
    put_field(c, "alert_type", slice_str(e->alert_type));
    put_field(c, "aggregation_key", e->aggregation_key);
    put_field(c, "source_type", e->source_type);
}

static void put_check(struct command *c, const struct event_entry *e)
{
    put_field(c, "name", e->title);
    put(c, SLICE_LIT("status"));
    put_u64(c, e->status);
    put_field(c, "message", e->text);
}

static void put_fields(struct command *c, const struct redis_entry_origin *o,
                       const struct event_entry *e)
{
    struct buf id = { 0 };
    buf_printf(&id, "%s-%llu", o->id, (unsigned long long)e->seq);
    put_field(c, "id", buf_slice(&id));
    buf_release(&id);
    put_field(c, "instance", slice_str(o->instance));
    put(c, SLICE_LIT("received_ms"));
    put_u64(c, e->received_ms);
    if (e->kind == EVENT_ENTRY)
        put_event(c, e);
    else
        put_check(c, e);
    if (e->has_timestamp) {
        put(c, SLICE_LIT("timestamp"));
        put_i64(c, e->timestamp);
    }
    put_field(c, "host", e->hostname);
    put_tags(c, e);
}

void redis_entry_key(const char *prefix, enum event_kind k, struct buf *out)
{
    static const char *const names[] = { [EVENT_ENTRY] = "events", [CHECK_ENTRY] = "checks" };
    _Static_assert(ARRAY_LEN(names) == EVENT_KINDS, "every kind has a stream");
    buf_printf(out, "{%s:%s}:log", prefix, names[k]);
}

static void put_command(struct command *c, const struct redis_entry_origin *o, enum event_kind k)
{
    struct buf key = { 0 };
    redis_entry_key(o->prefix, k, &key);
    put(c, SLICE_LIT("XADD"));
    put(c, buf_slice(&key));
    put(c, SLICE_LIT("MAXLEN"));
    put(c, SLICE_LIT("~"));
    put_u64(c, o->max_entries);
    put(c, SLICE_LIT("*"));
    buf_release(&key);
}

struct redis_entry *redis_entry_new(const struct redis_entry_origin *o, const struct event_entry *e)
{
    assert(e->kind < EVENT_KINDS && e->seq > 0 && o->max_entries > 0);
    struct command c = { 0 };
    buf_append_str(&c.out, "*00\r\n");
    put_command(&c, o, e->kind);
    put_fields(&c, o, e);
    assert(c.args >= 10); /* no 0 in front */
    redis_resp_digits(c.out.ptr + 1, ARGS_DIGITS, c.args);
    struct redis_entry *entry = mem_alloc(sizeof *entry + c.out.len);
    *entry = (struct redis_entry){ .cargo = REDIS_CARGO_ENTRY,
                                   .kind = (uint8_t)e->kind,
                                   .place = redis_keys_stream(e->kind),
                                   .len = c.out.len };
    memcpy(entry->bytes, c.out.ptr, c.out.len);
    buf_release(&c.out);
    return entry;
}
