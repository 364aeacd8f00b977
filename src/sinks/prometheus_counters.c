#include "sinks/prometheus_counters.h"

#include "base/number.h"
#include "base/slice.h"
#include "sinks/prometheus.h"

struct text {
    struct counter_lines lines;
    const struct counter_row *row;
    struct buf *out;
};

/* A path may hold any byte; a line feed is no part of a name worth telling. */
static void put_label_value(struct buf *out, const char *value)
{
    for (; *value != '\0'; value++) {
        if (*value == '"' || *value == '\\')
            buf_append_char(out, '\\');
        buf_append_char(out, *value == '\n' ? '_' : *value);
    }
}

static void put_labels(struct buf *out, struct slice names, const char *const *values)
{
    bool more = true;
    for (char before = '{'; more; before = ',') {
        struct slice name;
        more = slice_cut(&names, ',', &name);
        buf_append_char(out, before);
        buf_append_slice(out, more ? name : names);
        buf_append_str(out, "=\"");
        put_label_value(out, *values++);
        buf_append_char(out, '"');
    }
    buf_append_char(out, '}');
}

static void put_line(struct counter_lines *to, const char *const *labels, double value)
{
    const struct text *t = (const struct text *)to;
    char number[NUMBER_TEXT_MAX];
    buf_append_str(t->out, t->row->name);
    if (t->row->labels[0] != '\0')
        put_labels(t->out, slice_str(t->row->labels), labels);
    buf_append_char(t->out, ' ');
    buf_append(t->out, number, number_print(number, value));
    buf_append_char(t->out, '\n');
}

static void put_source(const struct counter_source *s, struct buf *out)
{
    for (size_t i = 0; i < s->table->n; i++) {
        const struct counter_row *row = &s->table->rows[i];
        struct text text = { .lines = { .put = put_line }, .row = row, .out = out };
        const char *word = row->kind == COUNTER_KIND_COUNTER ? "counter" : "gauge";
        prometheus_put_head(out, row->name, row->help, word);
        s->table->read(s->of, i, &text.lines);
    }
}

void prometheus_counters(const struct counter_source *sources, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++)
        if (sources[i].of != NULL)
            put_source(&sources[i], out);
}
