#include "base/slice.h"
#include "expose/render.h"

/* Where the lines of a row go. */
struct row_lines {
    struct counter_lines lines;
    const struct counter_row *row;
    struct writer *writer;
    struct writer_family family;
    struct buf labels;
    struct buf *out;
};

/* A path may hold any byte; a line feed is no part of a name worth telling. */
static void put_label_value(struct buf *out, struct slice value)
{
    struct slice line;
    while (slice_cut(&value, '\n', &line)) {
        exposed_escape_value(line, out);
        buf_append_char(out, '_');
    }
    exposed_escape_value(value, out);
}

static void put_labels(struct buf *out, struct slice names, const char *const *values)
{
    bool more = true;
    while (more) {
        struct slice name;
        more = slice_cut(&names, ',', &name);
        if (out->len > 0)
            buf_append_char(out, ',');
        buf_append_slice(out, more ? name : names);
        buf_append_str(out, "=\"");
        put_label_value(out, slice_str(*values++));
        buf_append_char(out, '"');
    }
}

static void put_line(struct counter_lines *to, const char *const *labels, double value)
{
    struct row_lines *l = (struct row_lines *)to;
    const struct writer_ops *ops = l->writer->ops;
    buf_clear(&l->labels);
    if (l->row->labels[0] != '\0')
        put_labels(&l->labels, slice_str(l->row->labels), labels);
    if (l->family.type == FAMILY_COUNTER)
        ops->counter(l->writer, &l->family, buf_slice(&l->labels),
                     &(struct exposed_view){ .shown = true, .value = value }, l->out);
    else
        ops->gauge(l->writer, &l->family, buf_slice(&l->labels), value, l->out);
}

static void put_row(struct row_lines *l, const struct counter_source *s, size_t row)
{
    const struct counter_row *r = &s->table->rows[row];
    enum family_type type = r->kind == COUNTER_KIND_COUNTER ? FAMILY_COUNTER : FAMILY_GAUGE;
    l->row = r;
    l->family = (struct writer_family){
        .name = slice_str(r->name), .help = r->help, .type = type, .parts = 1
    };
    if (l->writer->ops->begin != NULL)
        l->writer->ops->begin(l->writer, &l->family);
    l->writer->ops->head(l->writer, &l->family, l->out);
    s->table->read(s->of, row, &l->lines);
}

void render_counters(struct writer *w, const struct counter_source *sources, size_t n,
                     struct buf *out)
{
    struct row_lines l = { .lines = { .put = put_line }, .writer = w, .out = out };
    for (size_t i = 0; i < n; i++)
        for (size_t row = 0; sources[i].of != NULL && row < sources[i].table->n; row++)
            put_row(&l, &sources[i], row);
    buf_release(&l.labels);
}
