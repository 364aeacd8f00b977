#include "support/said.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

/* In quotes; what cannot be shown, in hex. */
static void put_text(struct buf *out, const char *what, struct slice s)
{
    buf_printf(out, " %s=", what);
    if (s.ptr == NULL) {
        buf_append_str(out, "none");
        return;
    }
    buf_append_char(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c < ' ' || c >= 0x7f || c == '"' || c == '\\')
            buf_printf(out, "\\%02x", c);
        else
            buf_append_char(out, (char)c);
    }
    buf_append_char(out, '"');
}

void said_sample(struct said *s, const struct said_sample *sample)
{
    struct buf *out = &s->samples;
    buf_printf(out, "sample %s%s", sample->type, sample->delta ? " delta" : "");
    put_text(out, "name", sample->name);
    for (size_t i = 0; i < sample->n; i++)
        buf_printf(out, " %a", sample->values[i]);
    if (sample->n == 0)
        put_text(out, "member", sample->member);
    buf_printf(out, " rate=%a", sample->rate);
    if (sample->timestamp != 0)
        buf_printf(out, " T=%lld", (long long)sample->timestamp);
    for (size_t i = 0; i < sample->n_tags; i++) {
        put_text(out, "key", sample->tags[i].key);
        put_text(out, "value", sample->tags[i].value);
    }
    buf_append_char(out, '\n');
}

static void put_end(struct buf *out, bool has_timestamp, int64_t timestamp,
                    const struct slice *tags, uint32_t n)
{
    if (has_timestamp)
        buf_printf(out, " d=%lld", (long long)timestamp);
    for (uint32_t i = 0; i < n; i++)
        put_text(out, "tag", tags[i]);
    buf_append_char(out, '\n');
}

void said_event(struct said *s, const struct event *e)
{
    struct buf *out = &s->events;
    buf_printf(out, "event %s %s", e->priority, e->alert_type);
    put_text(out, "title", e->title);
    put_text(out, "text", e->text);
    put_text(out, "h", e->hostname);
    put_text(out, "k", e->aggregation_key);
    put_text(out, "s", e->source_type);
    put_end(out, e->has_timestamp, e->timestamp, e->tags, e->n_tags);
}

void said_check(struct said *s, const struct service_check *c)
{
    struct buf *out = &s->checks;
    buf_printf(out, "check %u", c->status);
    put_text(out, "name", c->name);
    put_text(out, "m", c->message);
    put_text(out, "h", c->hostname);
    put_end(out, c->has_timestamp, c->timestamp, c->tags, c->n_tags);
}

void said_print(const struct said *s, struct buf *out)
{
    buf_append_slice(out, buf_slice(&s->samples));
    buf_append_slice(out, buf_slice(&s->events));
    buf_append_slice(out, buf_slice(&s->checks));
    for (int r = 0; r < REASON_COUNT; r++)
        if (s->errors[r] > 0)
            buf_printf(out, "error %s %llu\n", reason_name((enum reason)r),
                       (unsigned long long)s->errors[r]);
    buf_printf(out, "tag_errors %llu unknown_fields %llu\n", (unsigned long long)s->tag_errors,
               (unsigned long long)s->unknown_fields);
    buf_append_char(out, '\0');
}

void said_release(struct said *s)
{
    buf_release(&s->samples);
    buf_release(&s->events);
    buf_release(&s->checks);
}

char *said_differ(const struct said *a, const char *name_a, const struct said *b,
                  const char *name_b)
{
    struct buf x = { 0 }, y = { 0 }, both = { 0 };
    said_print(a, &x);
    said_print(b, &y);
    if (strcmp(x.ptr, y.ptr) != 0) {
        size_t from = 0; /* of the first line that differs */
        for (size_t i = 0; x.ptr[i] == y.ptr[i]; i++)
            if (x.ptr[i] == '\n')
                from = i + 1;
        buf_printf(&both, "%s:\n%s%s:\n%s", name_a, x.ptr + from, name_b, y.ptr + from);
        buf_append_char(&both, '\0');
    }
    buf_release(&x);
    buf_release(&y);
    return both.ptr;
}

struct said_opts said_opts_of(unsigned choice)
{
    struct said_opts o = SAID_OPTS_DEFAULT;
    o.gauge_sign = (enum gauge_sign)(choice % 3);
    o.name_tags = choice & 4 ? choice >> 4 & 15 : 0;
    o.origin_tags = choice & 8;
    o.keep_internal = choice & 16;
    o.truncated = choice & 32;
    if (choice & 64) { /* small ones, so that all of them are met */
        o.max_line = 300;
        o.max_name = 20;
        o.max_tags = 5;
        o.max_tag_len = 16;
    }
    return o;
}
