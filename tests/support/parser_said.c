/* said, by the server's parser. */
#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "protocol/parse.h"
#include "protocol/tags.h"
#include "support/said.h"

/* FULL is small, so that batches end inside datagrams. */
enum { FULL = 5, MAX_LINE = 8192 };

/* One for all: it is of no datagram. */
static struct batch *cleared_batch(void)
{
    static struct batch b;
    if (b.samples == NULL && batch_init(&b, FULL, MAX_LINE) != 0)
        abort();
    batch_clear(&b);
    b.counts = (struct parse_counts){ 0 };
    return &b;
}

static void on_event(void *said, const struct event *e)
{
    said_event(said, e);
}

static void on_check(void *said, const struct service_check *c)
{
    said_check(said, c);
}

static void take_sample(const struct tags_opts *opts, const struct batch *b, const struct sample *s,
                        struct said *ret)
{
    static struct tags tags;
    static struct said_tag list[TAGS_ROOM];
    enum reason why = tags_parse(opts, s, &tags);
    if (why != REASON_NONE) {
        ret->errors[why]++;
        return;
    }
    ret->tag_errors += tags.errors;
    for (uint32_t i = 0; i < tags.n; i++)
        list[i] = (struct said_tag){ tags.at[i].key, tags.at[i].value };
    const bool set = s->type == SAMPLE_SET;
    const size_t more = s->flags & SAMPLE_PACKED ? s->more_n : 0;
    double *values = mem_alloc((more + 1) * sizeof *values);
    values[0] = s->value;
    for (size_t i = 0; i < more; i++)
        values[i + 1] = b->values[s->more_at + i];
    said_sample(ret, &(struct said_sample){
                         .name = slice_of(s->name, s->name_len),
                         .member = set ? s->member : slice_of(NULL, 0),
                         .type = sample_type_token(s->type),
                         .values = values,
                         .n = set ? 0 : more + 1,
                         .rate = s->rate,
                         .tags = list,
                         .n_tags = tags.n,
                         .timestamp = s->flags & SAMPLE_HAS_TIME ? s->timestamp : 0,
                         .delta = s->flags & SAMPLE_DELTA,
                     });
    free(values);
}

/* In memory of exactly its size, or with room around it that is full of what ends a field. */
static char *placed(const char *ptr, size_t len, bool padded, char **ret_memory)
{
    size_t before = padded ? PARSE_PAD_BEFORE : 0, behind = padded ? PARSE_PAD_BEHIND : 0;
    size_t n = before + len + behind;
    char *memory = mem_alloc(n + (n == 0));
    memset(memory, '|', n);
    memcpy(memory + before, ptr, len);
    *ret_memory = memory;
    return memory + before;
}

void parser_said(const struct said_opts *o, const char *ptr, size_t len, bool padded,
                 struct said *ret)
{
    struct parse_opts parse = PARSE_OPTS_DEFAULT;
    struct tags_opts tags = TAGS_OPTS_DEFAULT;
    struct batch *b = cleared_batch();
    char *memory;
    assert(o->max_line <= MAX_LINE);
    parse.gauge_sign = o->gauge_sign;
    parse.name_tags = o->name_tags;
    parse.origin_tags = o->origin_tags;
    parse.max_line = o->max_line;
    parse.max_name = o->max_name;
    parse.on_event = on_event;
    parse.on_check = on_check;
    parse.cookie = ret;
    tags.max_tags = o->max_tags;
    tags.max_tag_len = o->max_tag_len;
    tags.keep_internal = o->keep_internal;
    const char *datagram = placed(ptr, len, padded, &memory);
    struct parser *p = parser_new(&parse);
    if (p == NULL)
        abort();
    (padded ? parser_begin_padded : parser_begin)(p, datagram, len, o->truncated);
    for (bool more = true; more; batch_clear(b)) {
        more = parser_next(p, b);
        for (uint32_t i = 0; i < b->n; i++)
            take_sample(&tags, b, &b->samples[i], ret);
    }
    for (int r = 0; r < REASON_COUNT; r++)
        ret->errors[r] += b->counts.rejected[r];
    ret->unknown_fields += b->counts.unknown_fields;
    ret->tag_errors += b->counts.tag_errors;
    parser_free(p);
    free(memory);
}
