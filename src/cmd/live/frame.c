/*
 *   frame_put
 *     put_head       which server, and what became of its lines: words that wrap
 *     put_table      a row for each key, by value or by name
 *     put_help       in place of the table
 *     put_keys       the last line
 */
#include "cmd/live/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cmd/live/plain.h"

enum { VALUE_CELLS = 13, ITEM_BYTES = 128, NUMBER_BYTES = 40 };

#define MOST 1e15 /* of a number that is shown */

/* Lines that are still free, and what the one that is being filled holds. */
struct page {
    struct buf *out;
    size_t columns, rows;
    size_t used; /* cells of the line that is being filled; 0: none is */
};

static void end_line(struct page *p)
{
    if (p->used == 0 || p->rows == 0)
        return;
    buf_append_char(p->out, '\n');
    p->rows--;
    p->used = 0;
}

/* A line of its own, cut where the screen ends.  "" is an empty one. */
static void put_line(struct page *p, const char *text)
{
    end_line(p);
    if (p->rows == 0)
        return;
    (void)plain_put(slice_str(text), p->columns, p->out);
    buf_append_char(p->out, '\n');
    p->rows--;
}

/* Some words that stay together: on this line where they fit, two blanks apart, else on the next */
static void put_item(struct page *p, const char *text)
{
    size_t len = strlen(text);
    if (p->used > 0 && p->used + 2 + len > p->columns)
        end_line(p);
    if (p->rows == 0)
        return;
    if (p->used > 0) {
        buf_append_str(p->out, "  ");
        p->used += 2;
    }
    p->used += plain_put(slice_str(text), p->columns - p->used, p->out);
}

/* Whatever a server says: from 0 to MOST. */
static double bounded(double v)
{
    return v > 0 ? (v < MOST ? v : MOST) : 0;
}

/* 1234567.8 as "1,234,568"; below 10 with a decimal where it has one. */
static void put_number(char *to, double any)
{
    char digits[NUMBER_BYTES];
    double v = bounded(any);
    bool whole = v >= 10 || v == (double)(unsigned)v;
    int n = snprintf(digits, sizeof digits, whole ? "%.0f" : "%.1f", v);
    int at = 0;
    for (int i = 0; i < n; i++) {
        if (whole && i > 0 && (n - i) % 3 == 0)
            to[at++] = ',';
        to[at++] = digits[i];
    }
    to[at] = '\0';
}

static void put_uptime(char *to, size_t size, double s)
{
    uint64_t t = (uint64_t)bounded(s);
    if (t >= 86400)
        snprintf(to, size, "up %ud %02u:%02u", (unsigned)(t / 86400), (unsigned)(t / 3600 % 24),
                 (unsigned)(t / 60 % 60));
    else
        snprintf(to, size, "up %02u:%02u:%02u", (unsigned)(t / 3600), (unsigned)(t / 60 % 60),
                 (unsigned)(t % 60));
}

/* ---- the head ---- */

static void put_rate(struct page *p, const char *name, double rate, bool known)
{
    char item[ITEM_BYTES], number[NUMBER_BYTES];
    put_number(number, rate);
    snprintf(item, sizeof item, "%s %s%s", name, known ? number : "-", known ? "/s" : "");
    put_item(p, item);
}

static void put_series(struct page *p, const struct model *m)
{
    char item[ITEM_BYTES], series[NUMBER_BYTES], most[NUMBER_BYTES];
    put_number(series, (double)m->series);
    put_number(most, (double)m->max_series);
    snprintf(item, sizeof item, "series %s of %s", series, most);
    put_item(p, item);
    if (m->redis[0] == '\0')
        return;
    snprintf(item, sizeof item, "redis %s, lag %.1f s", m->redis, bounded(m->redis_lag_s));
    put_item(p, item);
}

static void put_head(struct page *p, const struct model *m, const struct frame_view *v)
{
    static const char *const names[LINES_COUNT] = { "received", "aggregated", "events", "checks",
                                                    "rejected", "refused",    "dropped" };
    char item[ITEM_BYTES];
    snprintf(item, sizeof item, "statsd %s", m->version);
    put_item(p, item);
    put_item(p, v->url);
    put_uptime(item, sizeof item, m->uptime_s);
    put_item(p, item);
    put_item(p, v->clock);
    end_line(p);
    for (size_t i = 0; i < LINES_COUNT; i++) /* what is rare is shown when it is there */
        if ((i != LINES_EVENTS && i != LINES_CHECKS) || m->lines[i] > 0)
            put_rate(p, names[i], m->rates[i], m->has_rates);
    put_rate(p, "kernel dropped", m->kernel_rate, m->has_rates);
    end_line(p);
    put_series(p, m);
    end_line(p);
}

static void put_title(struct page *p, const struct model *m, const struct frame_view *v)
{
    char item[ITEM_BYTES];
    snprintf(item, sizeof item, "by %s%s", model_by_name(m->by),
             v->by_name ? ", sorted by name" : "");
    put_item(p, item);
    if (m->share > 0 && m->share < 1) {
        snprintf(item, sizeof item, "estimated from %.3g %% of the traffic", m->share * 100);
        put_item(p, item);
    }
    if (v->filter[0] != '\0' || v->typing) {
        snprintf(item, sizeof item, "filter: %s%s", v->filter, v->typing ? "_" : "");
        put_item(p, item);
    }
    if (v->paused)
        put_item(p, "paused");
    end_line(p);
}

/* ---- the table ---- */

static void put_cell(struct page *p, const char *text)
{
    buf_printf(p->out, "%*s ", VALUE_CELLS, text);
    p->used += VALUE_CELLS + 1;
}

static const char *const value_heads[BY_COUNT] = { "SAMPLES/S", "SERIES", "VALUES", "SAMPLES/S" };
static const char *const more_heads[BY_COUNT] = { "+-", NULL, NULL, "DATAGRAMS/S" };
static const char *const key_heads[BY_COUNT] = { "NAME", "NAME", "TAG", "SENDER" };

/* Is there room for a second number? */
static bool has_more(const struct page *p, enum model_by by)
{
    return more_heads[by] != NULL && p->columns >= 60;
}

static void put_table_head(struct page *p, enum model_by by)
{
    put_cell(p, value_heads[by]);
    if (has_more(p, by))
        put_cell(p, more_heads[by]);
    p->used += plain_put(slice_str(key_heads[by]), p->columns - p->used, p->out);
    end_line(p);
}

static void put_row(struct page *p, enum model_by by, const struct model_row *row)
{
    char number[NUMBER_BYTES];
    put_number(number, row->value);
    put_cell(p, number);
    put_number(number, by == BY_SENDER ? row->datagrams : row->error);
    if (has_more(p, by))
        put_cell(p, number);
    p->used += plain_put(slice_str(row->key), p->columns - p->used, p->out);
    if (row->example != NULL && p->used + 4 < p->columns) {
        buf_append_str(p->out, "  of ");
        p->used += 5;
        p->used += plain_put(slice_str(row->example), p->columns - p->used, p->out);
    }
    end_line(p);
}

static int by_value(const void *a, const void *b)
{
    const struct model_row *x = *(const struct model_row *const *)a;
    const struct model_row *y = *(const struct model_row *const *)b;
    return x->value != y->value ? (x->value > y->value ? -1 : 1) : strcmp(x->key, y->key);
}

static int by_name(const void *a, const void *b)
{
    const struct model_row *x = *(const struct model_row *const *)a;
    const struct model_row *y = *(const struct model_row *const *)b;
    return strcmp(x->key, y->key);
}

static void put_table(struct page *p, const struct model *m, const struct frame_view *v)
{
    const struct model_row **rows = mem_zalloc((m->n + 1) * sizeof *rows);
    size_t n = 0;
    for (size_t i = 0; i < m->n; i++)
        if (strstr(m->rows[i].key, v->filter) != NULL)
            rows[n++] = &m->rows[i];
    qsort(rows, n, sizeof *rows, v->by_name ? by_name : by_value);
    if (p->rows > 0)
        put_table_head(p, m->by);
    for (size_t i = 0; i < n && p->rows > 0; i++)
        put_row(p, m->by, rows[i]);
    free(rows);
}

static void put_help(struct page *p)
{
    static const char *const lines[] = {
        "1 samples a second by name",
        "2 series by name",
        "3 values by tag",
        "4 samples a second by sender",
        "/ filter; Enter keeps it, Esc drops it",
        "s sort by value or by name",
        "space pause",
        "? this help",
        "q quit",
    };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        put_line(p, lines[i]);
}

void frame_put(const struct model *m, const struct frame_view *v, size_t columns, size_t rows,
               struct buf *out)
{
    struct page p = { .out = out, .columns = columns, .rows = rows - v->keys };
    if (v->help) {
        put_help(&p);
    } else {
        put_head(&p, m, v);
        if (v->trouble != NULL)
            put_line(&p, v->trouble);
        put_title(&p, m, v);
        put_table(&p, m, v);
    }
    end_line(&p);
    p.rows += v->keys;
    if (v->keys)
        put_line(&p, "q quit  1-4 by  / filter  s sort  space pause  ? help");
}
