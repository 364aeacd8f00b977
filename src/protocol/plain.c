#include "protocol/plain.h"

#include "protocol/metric.h"
#include "protocol/parser.h"

/* The fields after the type.  false: one of them is not of the plain kinds. */
static inline __attribute__((nonnull)) bool fields_read(const struct parser *p, const char *text,
                                                        uint32_t end, const uint16_t **pipe,
                                                        struct sample *s)
{
    while (**pipe < end) {
        uint32_t at = **pipe + 1u, next = *++*pipe;
        uint32_t n = (next < end ? next : end) - at;
        if (n == 0)
            return false;
        const char *f = text + at;
        if (f[0] == '#' && s->tags == NULL) {
            s->tags = f + 1;
            s->tags_len = n - 1;
        } else if (f[0] == '@') {
            if (!metric_number_small(text, at + n, n - 1, &s->rate))
                return false;
            if (!(s->rate > 0) || s->rate > 1)
                return false;
            s->flags = s->rate < 1 ? SAMPLE_HAS_RATE : 0;
        } else if ((f[0] != 'c' && f[0] != 'e') || n < 2 || f[1] != ':' || p->opts.origins) {
            return false;
        }
    }
    return true;
}

/* One line, text[start .. end).  false: not plain. */
static inline bool line_read(const struct parser *p, const char *text, uint32_t start, uint32_t end,
                             const uint16_t **pipe, struct sample *s)
{
    uint32_t colon = scan_next(p->datagram.colon, start, end), bar = **pipe;
    uint32_t name_len = colon - start;
    /* A colon or a bar that is missing or in the wrong place makes the value's length 0 or huge. */
    if (bar >= end || name_len - 1 >= p->opts.max_name)
        return false;
    if (!metric_number_small(text, bar, bar - colon - 1, &s->value))
        return false;
    uint32_t next = *++*pipe, type_len = (next < end ? next : end) - bar - 1;
    if (!metric_type_read(text + bar + 1, type_len, &s->type) || s->type == SAMPLE_SET)
        return false;
    s->rate = 1;
    s->tags = NULL;
    s->tags_len = 0;
    s->flags = 0;
    if (!fields_read(p, text, end, pipe, s))
        return false;
    s->name = text + start;
    s->name_len = name_len;
    s->tag_style = TAGS_DOG;
    s->more_n = 0;
    s->hash = metric_hash(s);
    return true;
}

/* Whether the line needs no trimming (a CR is cut by moving *end), no rewriting and no dispatch. */
static inline bool line_is_clean(const struct parser *p, const char *text, uint32_t start,
                                 uint32_t *end)
{
    if (p->datagram.any_odd) {
        uint32_t odd = scan_next(p->datagram.odd, start, *end);
        if (odd == *end - 1 && text[odd] == '\r')
            --*end;
        else if (odd < *end)
            return false;
    }
    return *end - start - 1 < p->opts.max_line && text[start] != ' ' && text[start] != '_' &&
           text[*end - 1] != ' ';
}

void plain_lines(struct parser *p, struct batch *b, uint32_t most)
{
    if (!p->plain)
        return;
    const char *const text = p->ptr;
    const uint32_t len = p->len, full = b->full;
    const uint16_t *line_end = p->end, *pipe = p->pipe;
    uint32_t at = p->at, n = b->n, lines = 0;
    while (at < len && n < full && lines < most) {
        uint32_t end = *line_end;
        const uint16_t *line_pipe = pipe;
        if (!line_is_clean(p, text, at, &end))
            break;
        if (!line_read(p, text, at, end, &line_pipe, &b->samples[n]))
            break;
        batch_aim(b, b->samples[n].hash.lo);
        at = *line_end++ + 1u;
        pipe = line_pipe;
        n++;
        lines++;
    }
    b->n = n;
    b->counts.lines += lines;
    b->counts.samples += lines;
    p->at = at;
    p->end = line_end;
    p->pipe = pipe;
}
