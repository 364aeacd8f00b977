/*
 * carried_wrap   a table whose lines pass through put_sum, which adds what was carried
 * carried_save   the same sums, as records;  carried_load: one of them
 */
#include "app/carried.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pack.h"

enum { LINES_MAX = 100000 };

static bool is_carried(const struct counter_row *row)
{
    return row->kind == COUNTER_KIND_COUNTER && strncmp(row->name, "statsd_", 7) == 0;
}

static size_t labels_of(const struct counter_row *row)
{
    size_t n = row->labels[0] != '\0';
    for (const char *c = row->labels; *c != '\0'; c++)
        n += *c == ',';
    return n;
}

static void pack_labels(const struct counter_row *row, const char *const *labels, struct buf *out)
{
    for (size_t i = 0; i < labels_of(row); i++)
        pack_text(out, slice_str(labels[i]));
}

/* Lines of one row stand together in most cases, and there are a few hundred. */
static const struct carried_line *find(const struct carried *c, const struct counter_row *row,
                                       struct slice labels)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->at[i].row == row && slice_eq(buf_slice(&c->at[i].labels), labels))
            return &c->at[i];
    return NULL;
}

void carried_release(struct carried *c)
{
    for (size_t i = 0; i < c->n; i++)
        buf_release(&c->at[i].labels);
    free(c->at);
    *c = (struct carried){ 0 };
}

/* ---- shown ---- */

struct adding {
    struct counter_lines lines;
    const struct carried *carried;
    const struct counter_row *row;
    struct counter_lines *to;
};

static double with_carried(const struct carried *c, const struct counter_row *row,
                           const char *const *labels, double value)
{
    struct buf key = { 0 };
    if (c->n == 0)
        return value;
    pack_labels(row, labels, &key);
    const struct carried_line *before = find(c, row, buf_slice(&key));
    buf_release(&key);
    return before != NULL ? fmin(value + before->value, DBL_MAX) : value;
}

static void put_sum(struct counter_lines *to, const char *const *labels, double value)
{
    const struct adding *a = (const struct adding *)to;
    counter_put(a->to, labels, with_carried(a->carried, a->row, labels, value));
}

static void read_wrapped(const void *of, size_t row, struct counter_lines *to)
{
    const struct carried_source *s = of;
    struct adding a = {
        .lines = { .put = put_sum }, .carried = s->carried, .row = &s->table.rows[row], .to = to
    };
    s->of.table->read(s->of.of, row, is_carried(a.row) ? &a.lines : to);
}

struct counter_source carried_wrap(struct carried_source *room, const struct carried *c,
                                   const struct counter_source *of)
{
    *room = (struct carried_source){ .carried = c, .of = *of, .table = *of->table };
    room->table.read = read_wrapped;
    return (struct counter_source){ &room->table, of->of != NULL ? room : NULL };
}

/* ---- saved ---- */

struct saving {
    struct counter_lines lines;
    const struct carried *carried;
    const struct counter_row *row;
    struct records_writer *to;
    uint8_t type;
};

static void put_record(struct counter_lines *to, const char *const *labels, double value)
{
    const struct saving *s = (const struct saving *)to;
    struct buf *out = records_add(s->to, s->type);
    pack_text(out, slice_str(s->row->name));
    pack_labels(s->row, labels, out);
    pack_double(out, with_carried(s->carried, s->row, labels, value));
    records_done(s->to);
}

void carried_save(const struct carried *c, const struct counter_source *sources, size_t n,
                  uint8_t type, struct records_writer *to)
{
    for (size_t i = 0; i < n; i++) {
        const struct counter_table *table = sources[i].table;
        for (size_t row = 0; sources[i].of != NULL && row < table->n; row++) {
            struct saving s = { .lines = { .put = put_record },
                                .carried = c,
                                .row = &table->rows[row],
                                .to = to,
                                .type = type };
            if (is_carried(s.row))
                table->read(sources[i].of, row, &s.lines);
        }
    }
}

static const struct counter_row *row_named(struct slice name)
{
    for (size_t i = 0; i < COUNTER_TABLE_COUNT; i++)
        for (size_t row = 0; row < counter_tables[i]->n; row++)
            if (slice_eq(slice_str(counter_tables[i]->rows[row].name), name))
                return &counter_tables[i]->rows[row];
    return NULL;
}

bool carried_load(struct carried *c, struct slice body)
{
    struct unpack in = unpack_of(body);
    const struct counter_row *row = row_named(unpack_text(&in));
    if (in.bad || row == NULL || !is_carried(row))
        return !in.bad;
    const char *labels = in.rest.ptr;
    for (size_t i = 0; i < labels_of(row); i++)
        (void)unpack_text(&in);
    size_t len = (size_t)(in.rest.ptr - labels);
    double value = unpack_double(&in);
    if (!unpack_done(&in) || !(value >= 0 && value <= DBL_MAX) || c->n >= LINES_MAX)
        return false;
    c->at = mem_grow(c->at, &c->cap, c->n + 1, sizeof *c->at);
    c->at[c->n] = (struct carried_line){ .row = row, .value = value };
    buf_append(&c->at[c->n++].labels, labels, len);
    return true;
}
