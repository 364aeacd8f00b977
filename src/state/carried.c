/*
 * carried_wrap   a table whose lines pass through read_added: put_sum adds what was carried, and
 *                put_lost puts lines of workers that are no more
 * carried_save   the same lines, as records;  carried_load: one of them
 */
#include "state/carried.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pack.h"

enum { LINES_MAX = 100000 };

#define BY_WORKER "socket,worker"

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
    struct buf seen; /* of a row by worker: the labels of its lines, each as a text */
};

static bool is_by_worker(const struct counter_row *row)
{
    return strcmp(row->labels, BY_WORKER) == 0;
}

static void put_sum(struct counter_lines *to, const char *const *labels, double value)
{
    struct adding *a = (struct adding *)to;
    struct buf key = { 0 };
    pack_labels(a->row, labels, &key);
    const struct carried_line *before = find(a->carried, a->row, buf_slice(&key));
    if (is_by_worker(a->row))
        pack_text(&a->seen, buf_slice(&key));
    buf_release(&key);
    counter_put(a->to, labels, before != NULL ? fmin(value + before->value, DBL_MAX) : value);
}

/* Is there a line of that socket now, and none of that worker? */
static bool has_lost_its_worker(const struct carried_line *line, struct slice seen)
{
    struct unpack own = unpack_of(buf_slice(&line->labels)), in = unpack_of(seen);
    struct slice socket = unpack_text(&own);
    bool there = false;
    while (in.rest.len > 0) {
        struct slice labels = unpack_text(&in);
        struct unpack other = unpack_of(labels);
        if (slice_eq(labels, buf_slice(&line->labels)))
            return false;
        there = there || slice_eq(unpack_text(&other), socket);
    }
    return there;
}

/* Who reads a socket may change with server.workers: what others had read of it goes on to be
 * shown, so that its sum does. */
static void put_lost(const struct adding *a)
{
    for (size_t i = 0; i < a->carried->n; i++) {
        const struct carried_line *line = &a->carried->at[i];
        if (line->row != a->row || !has_lost_its_worker(line, buf_slice(&a->seen)))
            continue;
        struct unpack in = unpack_of(buf_slice(&line->labels));
        const struct slice socket = unpack_text(&in), worker = unpack_text(&in);
        char *labels[] = { mem_strndup(socket.ptr, socket.len),
                           mem_strndup(worker.ptr, worker.len) };
        counter_put(a->to, (const char *const *)labels, line->value);
        free(labels[0]);
        free(labels[1]);
    }
}

/* The lines of a row with what c has. */
static void read_added(const struct carried *c, const struct counter_source *of, size_t row,
                       struct counter_lines *to)
{
    struct adding a = {
        .lines = { .put = put_sum }, .carried = c, .row = &of->table->rows[row], .to = to
    };
    bool adds = c->n > 0 && is_carried(a.row);
    of->table->read(of->of, row, adds ? &a.lines : to);
    if (adds && is_by_worker(a.row))
        put_lost(&a);
    buf_release(&a.seen);
}

static void read_wrapped(const void *of, size_t row, struct counter_lines *to)
{
    const struct carried_source *s = of;
    read_added(s->carried, &s->of, row, to);
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
    pack_double(out, value);
    records_done(s->to);
}

void carried_save(const struct carried *c, const struct counter_source *sources, size_t n,
                  uint8_t type, struct records_writer *to)
{
    for (size_t i = 0; i < n; i++) {
        const struct counter_table *table = sources[i].table;
        for (size_t row = 0; sources[i].of != NULL && row < table->n; row++) {
            struct saving s = {
                .lines = { .put = put_record }, .row = &table->rows[row], .to = to, .type = type
            };
            if (is_carried(s.row))
                read_added(c, &sources[i], row, &s.lines);
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
