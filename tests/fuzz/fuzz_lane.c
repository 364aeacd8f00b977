/*
 * Datagrams through the whole lane, with a mapping and limits, as far as the page: the same lines
 * bring the same, however they are cut into datagrams and whenever these are flushed.
 *
 *     byte 0   the options     byte 1   seed of the cuts     then  the lines
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fuzz/line_mutator.h"
#include "support/pipeline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

const size_t line_mutator_head = 2;

enum { SERIES_MAX = 8, LINES_MAX = 400, BYTES_MAX = 16384, KEPT_MAX = LINES_MAX };

static const struct mapping_label labels[] = { { "first", "$1" }, { "k", "v" } };

static const struct mapping_rule rules[] = {
    { .match = "*.*.c", .name = "deep_$2", .labels = labels, .n_labels = 2 },
    { .match = "a.*", .name = "a_$1", .honor_labels = true, .labels = labels, .n_labels = 2 },
    { .match = "x_y", .name = "dropped", .drop = true },
    { .match = "^n([0-9])(.*)$", .regex = true, .name = "n_$2", .labels = labels, .n_labels = 1 },
    { .match = "a-b", .name = "observed", .classes = 1 << MAPPING_OBSERVER, .profile = 1 },
};

static void fill(struct profile *p, uint8_t number)
{
    static const double buckets[] = { 0.1, 1, 100 };
    (void)number;
    p->histogram = true;
    p->buckets = buckets;
    p->n_buckets = ARRAY_LEN(buckets);
    p->scale = 0.001;
}

static struct pipeline_opts opts_of(unsigned choice)
{
    struct pipeline_opts o = { .gauge_sign = (enum gauge_sign)(choice % 3), .set_steps = 2 };
    if (choice & 4)
        o.max_series = SERIES_MAX;
    if (choice & 8) {
        o.rules = rules;
        o.n_rules = ARRAY_LEN(rules);
        o.fill = fill;
        o.n_profiles = 1;
    }
    if (choice & 16) {
        o.exemplar_tag = "k";
        o.format = &writer_openmetrics;
    }
    o.suffixes = choice & 32;
    if (choice & 64) {
        o.tags = TAGS_OPTS_DEFAULT;
        o.tags.max_tags = 4;
        o.tags.max_tag_len = 12;
    }
    o.name_tags = choice & 128 ? NAME_TAGS_LIBRATO | NAME_TAGS_SIGNALFX : 0;
    return o;
}

static uint32_t below(uint32_t *state, uint32_t n)
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) % n;
}

/* The front of rest, of at most `lines` lines, without its last LF. */
static struct slice cut_lines(struct slice *rest, uint32_t lines)
{
    size_t n = 0;
    for (; n < rest->len; n++)
        if (rest->ptr[n] == '\n' && --lines == 0)
            break;
    struct slice head = slice_of(rest->ptr, n);
    size_t used = n < rest->len ? n + 1 : n;
    *rest = slice_of(rest->ptr + used, rest->len - used);
    return head;
}

/* seed 0: each line is a datagram that is flushed at once. */
static void feed(struct pipeline *p, struct slice rest, uint32_t seed)
{
    static char *kept[KEPT_MAX + 1]; /* datagrams stay in place until the flush */
    size_t n_kept = 0;
    uint32_t state = seed;
    lane_begin(p->lanes[0], &p->sources[0], (struct lane_clock){ .now_ns = p->now_ns });
    while (rest.len > 0) {
        struct slice d = cut_lines(&rest, seed == 0 ? 1 : 1 + below(&state, 9));
        bool padded = seed != 0 && below(&state, 2);
        size_t room = padded ? PARSE_PAD_BEFORE + PARSE_PAD_BEHIND : 0;
        char *at = mem_alloc(d.len + room + 1);
        memset(at, '|', d.len + room);
        kept[n_kept++] = at;
        at += padded ? PARSE_PAD_BEFORE : 0;
        memcpy(at, d.ptr, d.len);
        lane_datagram(p->lanes[0],
                      &(struct lane_datagram){ .ptr = at, .len = d.len, .padded = padded });
        if (seed != 0 && below(&state, 4) > 0 && rest.len > 0 && n_kept < KEPT_MAX)
            continue;
        lane_flush(p->lanes[0]);
        while (n_kept > 0)
            free(kept[--n_kept]);
    }
}

/* All that can be seen of it.  At each turn the pipeline checks that no sample is lost. */
static char *outcome(const struct pipeline_opts *o, struct slice lines, uint32_t seed)
{
    struct pipeline p;
    struct buf out = { 0 };
    pipeline_init(&p, o);
    feed(&p, lines, seed);
    p.now_ns += PIPELINE_SECOND;
    pipeline_turn(&p);
    buf_append_str(&out, pipeline_text(&p));
    buf_append_str(&out, pipeline_close(&p));
    pipeline_print_counters(&p, &out);
    buf_append_char(&out, '\0');
    assert(o->max_series == 0 || pipeline_series(&p) <= o->max_series);
    pipeline_release(&p);
    return out.ptr;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size - 2 > BYTES_MAX)
        return 0;
    const struct pipeline_opts o = opts_of(data[0]);
    const struct slice lines = slice_of((const char *)data + 2, size - 2);
    size_t n = 1;
    for (size_t i = 0; i < lines.len; i++)
        n += lines.ptr[i] == '\n';
    if (n > LINES_MAX)
        return 0;
    char *alone = outcome(&o, lines, 0), *cut = outcome(&o, lines, data[1] + 1u);
    if (strcmp(alone, cut) != 0) {
        fprintf(stderr, "alone:\n%s\ncut:\n%s\n", alone, cut);
        abort();
    }
    free(alone);
    free(cut);
    return 0;
}
