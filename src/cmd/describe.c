/**
 * `statsd describe`: the tables behind the docs, or one entry of them.
 *
 *   table_new        fills a table: describe_options, _metrics, _reasons, _calls, _commands, _flags
 *   keep             drops the rows that were not asked for; none left in any table: usage()
 *   print            print_markdown   --markdown
 *                    print_aligned    a row on a line; on a terminal the last column is broken
 *                    print_entries    a cell on a line: for a single entry and narrow terminals
 */
#include "cmd/cli.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "cmd/cli_rows.h"
#include "cmd/wrap.h"
#include "config/escape.h"
#include "config/guess.h"
#include "config/option_value.h"
#include "config/options.h"
#include "core/counter_tables.h"
#include "protocol/reason.h"
#include "sandbox/calls.h"

enum {
    COLUMNS_MAX = 6,
    ROWS_MAX = 256,
    LEAST_LAST = 48 /* columns of a terminal for the last cell: no word of a help text is longer */
};

struct table {
    size_t columns, rows;                   /* rows: that are whole; the next one is being filled */
    struct buf cell[ROWS_MAX][COLUMNS_MAX]; /* row 0: the heads */
};

static void table_check(const struct table *t)
{
    assert(t->columns > 0 && t->columns <= COLUMNS_MAX);
    assert(t->rows > 0 && t->rows <= ROWS_MAX);
    for (size_t r = 0; r < t->rows; r++)
        assert(t->cell[r][0].len > 0 && "the first cell is the name of the row");
}

/* The cell of the row that is being filled. */
static struct buf *cell(struct table *t, size_t column)
{
    assert(t->rows < ROWS_MAX && column < t->columns);
    return &t->cell[t->rows][column];
}

static void put(struct table *t, size_t column, const char *text)
{
    buf_append_str(cell(t, column), text);
}

/* Where column c of an aligned table begins. */
static size_t column_at(const struct table *t, size_t c)
{
    size_t at = 0;
    for (size_t k = 0; k < c; k++) {
        size_t width = 0;
        for (size_t r = 0; r < t->rows; r++)
            width = t->cell[r][k].len > width ? t->cell[r][k].len : width;
        at += width + 2;
    }
    return at;
}

static void print_aligned(const struct table *t, size_t columns, struct buf *out)
{
    size_t at[COLUMNS_MAX + 1] = { 0 };
    for (size_t c = 0; c < t->columns; c++)
        at[c] = column_at(t, c);
    for (size_t r = 0; r < t->rows; r++) {
        size_t last = t->columns - 1;
        for (size_t c = 0; c < last; c++) {
            buf_append_slice(out, buf_slice(&t->cell[r][c]));
            wrap_blanks(at[c + 1] - at[c] - t->cell[r][c].len, out);
        }
        wrap(buf_slice(&t->cell[r][last]), at[last], at[last], columns, out);
        buf_append_char(out, '\n');
    }
}

/* The first cell, and below it the others with the heads of their columns. */
static void print_entries(const struct table *t, size_t columns, struct buf *out)
{
    size_t indent = 0;
    for (size_t c = 1; c < t->columns; c++)
        indent = t->cell[0][c].len + 3 > indent ? t->cell[0][c].len + 3 : indent;
    for (size_t r = 1; r < t->rows; r++) {
        buf_append_str(out, r > 1 ? "\n" : "");
        buf_append_slice(out, buf_slice(&t->cell[r][0]));
        buf_append_char(out, '\n');
        for (size_t c = 1; c < t->columns; c++) {
            if (t->cell[r][c].len == 0)
                continue;
            buf_append_str(out, "  ");
            buf_append_slice(out, buf_slice(&t->cell[0][c]));
            wrap_blanks(indent - 2 - t->cell[0][c].len, out);
            wrap(buf_slice(&t->cell[r][c]), indent, indent, columns, out);
            buf_append_char(out, '\n');
        }
    }
}

static void print_text(const struct table *t, size_t columns, struct buf *out)
{
    if (columns > 0 && columns < column_at(t, t->columns - 1) + LEAST_LAST)
        print_entries(t, columns, out);
    else
        print_aligned(t, columns, out);
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
    assert(t->rows == 0 && n <= COLUMNS_MAX);
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
    static const char *const names[] = { "option", "environment", "default",
                                         "kind",   "limits",      "meaning" };
    heads(t, names, ARRAY_LEN(names));
    for (unsigned i = 0; i < OPTION_COUNT; i++, t->rows++) {
        const struct option_row *o = &options_table[i];
        char env[OPTION_ENV_MAX];
        options_env_name((enum option_id)i, env);
        buf_printf(cell(t, 0), "%s.%s", o->section, o->key);
        put(t, 1, env);
        put(t, 2, o->def);
        put(t, 3, kinds[o->kind]);
        if (o->kind != OPTION_BOOL)
            option_value_limits((enum option_id)i, cell(t, 4));
        put(t, 5, o->help);
        put(t, 5, o->takes == OPTION_TAKES_RELOAD ? " Changes on reload." : "");
    }
}

static void describe_metrics(struct table *t)
{
    static const char *const kinds[] = {
        [COUNTER_KIND_COUNTER] = "counter",
        [COUNTER_KIND_GAUGE] = "gauge",
    };
    static const char *const names[] = { "metric", "type", "labels", "meaning" };
    heads(t, names, ARRAY_LEN(names));
    for (size_t room = 0; room < COUNTER_TABLE_COUNT; room++) {
        for (size_t i = 0; i < counter_tables[room]->n; i++, t->rows++) {
            const struct counter_row *row = &counter_tables[room]->rows[i];
            put(t, 0, row->name);
            put(t, 1, kinds[row->kind]);
            put(t, 2, row->labels);
            put(t, 3, row->help);
        }
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

static void describe_calls(struct table *t)
{
    static const char *const names[] = { "for", "system calls" };
    heads(t, names, ARRAY_LEN(names));
    for (size_t i = 0; sandbox_calls_row(i) != NULL; i++, t->rows++) {
        const struct sandbox_calls *row = sandbox_calls_row(i);
        put(t, 0, row->what);
        put(t, 1, row->names);
        if (row->but[0] != '\0')
            buf_printf(cell(t, 1), " (%s)", row->but);
    }
}

static void describe_commands(struct table *t)
{
    static const char *const names[] = { "command", "usage", "meaning" };
    const struct cli_command_row *row;
    heads(t, names, ARRAY_LEN(names));
    for (size_t i = 0; (row = cli_command_row(i)) != NULL; i++, t->rows++) {
        put(t, 0, row->name);
        put(t, 1, row->usage);
        put(t, 2, row->meaning);
    }
}

static void describe_flags(struct table *t)
{
    static const char *const names[] = { "flag", "letter", "value", "taken by", "meaning" };
    const struct cli_flag_row *row;
    heads(t, names, ARRAY_LEN(names));
    for (size_t i = 0; (row = cli_flag_row(i)) != NULL; i++, t->rows++) {
        put(t, 0, row->name);
        put(t, 1, row->letter);
        put(t, 2, row->value);
        cli_takers(row, cell(t, 3));
        put(t, 4, row->meaning);
    }
}

static const struct {
    const char *name;
    void (*fill)(struct table *t);
} tables[] = { { "options", describe_options },   { "metrics", describe_metrics },
               { "reasons", describe_reasons },   { "syscalls", describe_calls },
               { "commands", describe_commands }, { "flags", describe_flags } };

static void release_row(struct table *t, size_t r)
{
    for (size_t c = 0; c < t->columns; c++)
        buf_release(&t->cell[r][c]);
}

static void table_free(struct table *t)
{
    for (size_t r = 0; r < t->rows; r++)
        release_row(t, r);
    free(t);
}

/* Does name mean the row?  "server.interval" is meant by that, by its environment variable, by its
 * section alone and by its key alone. */
static bool row_is(const struct table *t, size_t r, struct slice name)
{
    struct slice first = buf_slice(&t->cell[r][0]), key = first, section;
    bool is_option = slice_eq(buf_slice(&t->cell[0][0]), SLICE_LIT("option"));
    if (slice_eq(first, name))
        return true;
    /* Copied from /metrics, with its labels. */
    if (slice_starts(name, first) && name.len > first.len && name.ptr[first.len] == '{')
        return true;
    return is_option && slice_cut(&key, '.', &section) &&
           (slice_eq(key, name) || slice_eq(section, name) ||
            slice_eq(buf_slice(&t->cell[r][1]), name));
}

/* Drop the rows that name does not mean, heads apart.  returns  how many stay */
static size_t keep(struct table *t, struct slice name)
{
    size_t n = 1;
    for (size_t r = 1; r < t->rows; r++) {
        if (!row_is(t, r, name)) {
            release_row(t, r);
            continue;
        }
        if (n != r) {
            memcpy(t->cell[n], t->cell[r], sizeof t->cell[n]);
            memset(t->cell[r], 0, sizeof t->cell[r]);
        }
        n++;
    }
    t->rows = n;
    table_check(t);
    return n - 1;
}

/* If t has a name nearer to this one than *least edits, and half of itself: it becomes *best (owned), its distance
 * *least. */
static void look_for_nearer(const struct table *t, struct slice name, size_t *least, char **best)
{
    for (size_t r = 1; r < t->rows; r++) {
        struct slice first = buf_slice(&t->cell[r][0]);
        size_t d = guess_distance(name, first, *least);
        if (d >= *least || 2 * d > first.len)
            continue;
        *least = d;
        free(*best);
        *best = mem_strndup(first.ptr, first.len);
    }
}

static struct table *table_new(size_t i)
{
    struct table *t = mem_zalloc(sizeof *t);
    tables[i].fill(t);
    table_check(t);
    return t;
}

/* returns  the name in any table that is nearest, for free(); NULL: none is near */
static char *nearest(struct slice name)
{
    size_t least = 4;
    char *best = NULL;
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        struct table *t = table_new(i);
        look_for_nearer(t, name, &least, &best);
        table_free(t);
    }
    return best;
}

static int print(const struct table *t, bool entries, const struct cli_args *args,
                 const struct cli_io *io)
{
    struct buf out = { 0 };
    if (args->markdown)
        print_markdown(t, &out);
    else if (entries)
        print_entries(t, io->columns, &out);
    else
        print_text(t, io->columns, &out);
    bool written = cli_write(io->out, &out);
    buf_release(&out);
    return written ? CLI_OK : CLI_FAILED;
}

static int usage(const char *name, const struct cli_io *io)
{
    static const char takes[] =
        "describe takes one of options, metrics, reasons, syscalls, commands, flags, or a name out "
        "of them";
    if (name == NULL)
        return cli_usage(io, "%s", takes);
    struct buf shown = { 0 };
    enum option_id id = guess_name(slice_str(name));
    char *guess = nearest(slice_str(name));
    escape_url(*name != '\0' ? slice_str(name) : SLICE_LIT("''"), &shown);
    buf_append_char(&shown, '\0');
    if (guess != NULL)
        cli_usage(io, "nothing is called %s; did you mean %s? %s", shown.ptr, guess, takes);
    else if (id != OPTION_COUNT)
        cli_usage(io, "nothing is called %s; did you mean %s.%s? %s", shown.ptr,
                  options_table[id].section, options_table[id].key, takes);
    else
        cli_usage(io, "nothing is called %s; %s", shown.ptr, takes);
    buf_release(&shown);
    free(guess);
    return CLI_USAGE;
}

int describe_main(const struct cli_args *args, const struct cli_io *io)
{
    const char *name = args->n_rest == 1 ? args->rest[0] : NULL;
    /* Whole tables first, then entries: no entry is called as a table is. */
    for (int whole = 1; name != NULL && whole >= 0; whole--) {
        for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
            struct table *t = table_new(i);
            bool meant = whole ? strcmp(name, tables[i].name) == 0 : keep(t, slice_str(name)) > 0;
            int rc = meant ? print(t, !whole, args, io) : CLI_OK;
            table_free(t);
            if (meant)
                return rc;
        }
    }
    return usage(name, io);
}
