/**
 * `statsd describe`: the tables behind the docs, aligned for a terminal or as Markdown.
 */
#include "app/cli.h"

#include <assert.h>
#include <stdlib.h>

#include "app/options.h"
#include "base/mem.h"
#include "base/selfmetrics.h"
#include "protocol/reason.h"

enum { COLUMNS_MAX = 6, ROWS_MAX = 128 };

struct table {
    size_t columns, rows;
    struct buf cell[ROWS_MAX][COLUMNS_MAX];   /* row 0: the heads */
};

static void put(struct table *t, size_t column, const char *text)
{
    assert(t->rows < ROWS_MAX && column < COLUMNS_MAX);
    buf_append_str(&t->cell[t->rows][column], text);
}

static void print_text(const struct table *t, struct buf *out)
{
    for (size_t r = 0; r < t->rows; r++) {
        for (size_t c = 0; c < t->columns; c++) {
            size_t width = 0;
            for (size_t i = 0; i < t->rows; i++)
                width = t->cell[i][c].len > width ? t->cell[i][c].len : width;
            const struct buf *cell = &t->cell[r][c];
            buf_append_slice(out, buf_slice(cell));
            for (size_t pad = cell->len; c + 1 < t->columns && pad < width + 2; pad++)
                buf_append_char(out, ' ');
        }
        buf_append_char(out, '\n');
    }
}

/* '|' would end the cell, '*' may begin emphasis, '<' a tag. */
static void markdown_cell(struct slice s, struct buf *out)
{
    for (size_t i = 0; i < s.len; i++) {
        if (strchr("|*<", s.ptr[i]) != NULL)
            buf_append_char(out, '\\');
        buf_append_char(out, s.ptr[i]);
    }
}

static void print_markdown(const struct table *t, struct buf *out)
{
    for (size_t r = 0; r < t->rows; r++) {
        for (size_t c = 0; c < t->columns; c++) {
            bool code = c == 0 && r > 0;
            buf_append_str(out, code ? "| `" : "| ");
            if (code)
                buf_append_slice(out, buf_slice(&t->cell[r][c]));
            else
                markdown_cell(buf_slice(&t->cell[r][c]), out);
            buf_append_str(out, code ? "` " : " ");
        }
        buf_append_str(out, "|\n");
        for (size_t c = 0; r == 0 && c < t->columns; c++)
            buf_append_str(out, c + 1 < t->columns ? "| --- " : "| --- |\n");
    }
}

static void heads(struct table *t, const char *const *names, size_t n)
{
    t->columns = n;
    for (size_t i = 0; i < n; i++)
        put(t, i, names[i]);
    t->rows++;
}

static void describe_options(struct table *t)
{
    static const char *const kinds[] = {
#define X(kind, type, text) text,
        OPTION_KINDS(X)
#undef X
    };
    static const char *const names[] = { "option", "environment", "default", "kind", "limits", "meaning" };
    heads(t, names, ARRAY_LEN(names));
    for (unsigned i = 0; i < OPTION_COUNT; i++, t->rows++) {
        const struct option_row *o = &options_table[i];
        char env[OPTION_ENV_MAX];
        options_env_name((enum option_id)i, env);
        buf_printf(&t->cell[t->rows][0], "%s.%s", o->section, o->key);
        put(t, 1, env);
        put(t, 2, o->def);
        put(t, 3, kinds[o->kind]);
        if (o->kind != OPTION_BOOL)
            options_limits((enum option_id)i, &t->cell[t->rows][4]);
        put(t, 5, o->help);
    }
}

static void describe_metrics(struct table *t)
{
    static const char *const kinds[] = { [SELF_COUNTER] = "counter", [SELF_GAUGE] = "gauge" };
    static const struct {
        const char *name;
        enum selfmetric_kind kind;
        const char *label, *help;
    } rows[] = {
#define X(id, name, kind, label, help) { name, SELF_##kind, label, help },
        SELFMETRICS(X) SELFMETRICS_MEASURED(X)
#undef X
    };
    static const char *const names[] = { "metric", "type", "labels", "meaning" };
    heads(t, names, ARRAY_LEN(names));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++, t->rows++) {
        put(t, 0, rows[i].name);
        put(t, 1, kinds[rows[i].kind]);
        put(t, 2, rows[i].label);
        put(t, 3, rows[i].help);
    }
}

static void describe_reasons(struct table *t)
{
    static const char *const names[] = { "reason", "meaning" };
    heads(t, names, ARRAY_LEN(names));
    for (unsigned i = 0; i < REASON_COUNT; i++, t->rows++) {
        put(t, 0, reason_name((enum reason)i));
        put(t, 1, reason_help((enum reason)i));
    }
}

static const struct {
    const char *name;
    void (*fill)(struct table *t);
} tables[] = { { "options", describe_options }, { "metrics", describe_metrics }, { "reasons", describe_reasons } };

static int print(void (*fill)(struct table *t), bool markdown, FILE *f)
{
    struct table *t = mem_zalloc(sizeof *t);
    struct buf out = { 0 };
    fill(t);
    if (markdown)
        print_markdown(t, &out);
    else
        print_text(t, &out);
    bool written = cli_write(f, &out);
    for (size_t r = 0; r < t->rows; r++) {
        for (size_t c = 0; c < t->columns; c++)
            buf_release(&t->cell[r][c]);
    }
    buf_release(&out);
    free(t);
    return written ? CLI_OK : CLI_FAILED;
}

int describe_main(const struct cli_args *args, const struct cli_io *io)
{
    for (size_t i = 0; args->n_rest == 1 && i < ARRAY_LEN(tables); i++) {
        if (strcmp(args->rest[0], tables[i].name) == 0)
            return print(tables[i].fill, args->markdown, io->out);
    }
    return cli_usage(io, "describe takes one of options, metrics, reasons");
}
