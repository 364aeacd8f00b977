/**
 * `statsd check --test FILE`: does a mapping file do what its test file says?
 *
 *   check_test
 *     run_case            a server's way from lines to /metrics, of its own (explain_core)
 *       send_lines
 *       compare           expect and absent against what is shown
 *       say_rules         of a case that failed: which rule each sample fell under
 */
#include "cmd/cli.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "explain/explain_core.h"
#include "explain/explain_text.h"
#include "config/escape.h"
#include "config/mapping_cases.h"
#include "listen/socket_url.h"

/* Lines of the exposition format, sorted, each once; they borrow the text. */
struct lines {
    struct slice *at;
    size_t n;
};

static int line_order(const void *a, const void *b)
{
    return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

/* Blanks around a line, empty lines and comments (HELP and TYPE of a page) do not count. */
static struct lines lines_of(struct slice text)
{
    struct lines l = { 0 };
    size_t cap = 0, kept = 0;
    while (text.len > 0) {
        struct slice line;
        if (!slice_cut(&text, '\n', &line)) {
            line = text;
            text.len = 0;
        }
        line = slice_trim(line, SLICE_LIT(" \t\r"));
        if (line.len == 0 || line.ptr[0] == '#')
            continue;
        l.at = mem_grow(l.at, &cap, l.n + 1, sizeof *l.at);
        l.at[l.n++] = line;
    }
    if (l.n > 0)
        qsort(l.at, l.n, sizeof *l.at, line_order);
    for (size_t i = 0; i < l.n; i++) {
        if (kept == 0 || !slice_eq(l.at[kept - 1], l.at[i]))
            l.at[kept++] = l.at[i];
    }
    l.n = kept;
    return l;
}

static void put_line(char sign, struct slice line, struct buf *out)
{
    buf_printf(out, "  %c ", sign);
    escape_text(line, out);
    buf_append_char(out, '\n');
}

/* A line without its value. */
static struct slice series_of(struct slice line)
{
    while (line.len > 0 && line.ptr[line.len - 1] != ' ')
        line.len--;
    return line;
}

/* Both are sorted, so a missing line stands right before the one that came in its place. */
static void put_difference(const struct lines *want, const struct lines *shown, struct buf *out)
{
    size_t i = 0, k = 0;
    while (i < want->n || k < shown->n) {
        int order = i == want->n ? 1 : k == shown->n ? -1 : slice_cmp(want->at[i], shown->at[k]);
        if (order > 0 && i < want->n && slice_eq(series_of(want->at[i]), series_of(shown->at[k])))
            order = -1;
        if (order < 0)
            put_line('-', want->at[i++], out);
        else if (order > 0)
            put_line('+', shown->at[k++], out);
        else {
            i++;
            k++;
        }
    }
}

/* Lines of absent that are shown.  With expect given, the difference tells of them already, unless
 * expect has them, too. */
static void put_present(const struct lines *absent, const struct lines *shown, bool told,
                        const struct lines *want, struct buf *out)
{
    for (size_t i = 0; i < absent->n; i++) {
        const struct slice *line = &absent->at[i];
        bool is_shown =
            shown->n > 0 && bsearch(line, shown->at, shown->n, sizeof *line, line_order);
        bool expected = want->n > 0 && bsearch(line, want->at, want->n, sizeof *line, line_order);
        if (is_shown && (!told || expected))
            put_line('+', *line, out);
    }
}

static void compare(const struct mapping_case *c, struct slice exposition, struct buf *out)
{
    struct lines shown = lines_of(exposition);
    struct lines want = lines_of(slice_str(c->expect != NULL ? c->expect : ""));
    struct lines absent = lines_of(slice_str(c->absent != NULL ? c->absent : ""));
    if (c->expect != NULL)
        put_difference(&want, &shown, out);
    put_present(&absent, &shown, c->expect != NULL, &want, out);
    free(absent.at);
    free(want.at);
    free(shown.at);
}

/* Each line is a datagram.  One that is refused is a mistake of the case, or it would pass for the
 * wrong reason. */
static void send_lines(struct explain_core *x, struct slice text, struct buf *out)
{
    size_t told = 0;
    while (text.len > 0) {
        struct slice line;
        if (!slice_cut(&text, '\n', &line)) {
            line = text;
            text.len = 0;
        }
        explain_core_datagram(x, line.ptr, line.len < DATAGRAM_MAX ? line.len : DATAGRAM_MAX,
                              line.len > DATAGRAM_MAX);
        for (; told < x->n_errors; told++) {
            buf_append_str(out, "  refused: ");
            escape_short(line, out);
            buf_printf(out, ": %s\n", reason_help(x->errors[told].reason));
        }
    }
}

static void say_rules(const struct explain_core *x, struct buf *out)
{
    const json_t *sample;
    size_t i;
    json_array_foreach(x->samples, i, sample) {
        const json_t *name = json_object_get(sample, "name"), *rule = json_array_get(x->rules, i);
        if (rule == NULL)
            continue;
        buf_append_str(out, "  ");
        escape_text(slice_of(json_string_value(name), json_string_length(name)), out);
        buf_append_char(out, '\n');
        explain_text_rule(rule, out);
    }
}

/* returns  false: it failed, and why is appended */
static bool run_case(const struct config *config, const struct core_mapping *mapping,
                     const struct mapping_cases *cases, const struct mapping_case *c,
                     struct buf *out)
{
    struct explain_core *x = explain_core_new(config, mapping, SIZE_MAX);
    struct buf exposition = { 0 }, wrong = { 0 };
    send_lines(x, slice_str(c->lines), &wrong);
    (void)explain_core_exposition(x, &exposition);
    compare(c, buf_slice(&exposition), &wrong);
    bool passed = wrong.len == 0;
    if (!passed) {
        escape_text(slice_str(cases->path), out);
        buf_printf(out, ":%u: ", c->line);
        escape_text(slice_str(c->name), out);
        buf_append_char(out, '\n');
        buf_append_slice(out, buf_slice(&wrong));
        say_rules(x, out);
        explain_text_off_page(x, out);
        buf_append_char(out, '\n');
    }
    buf_release(&wrong);
    buf_release(&exposition);
    explain_core_free(x);
    return passed;
}

static int run_cases(const struct config *config, const struct core_mapping *mapping,
                     const struct mapping_cases *cases, const struct cli_io *io)
{
    struct buf out = { 0 };
    size_t failed = 0;
    for (size_t i = 0; i < cases->n; i++)
        failed += !run_case(config, mapping, cases, &cases->cases[i], &out);
    buf_printf(&out, "%zu passed, %zu failed\n", cases->n - failed, failed);
    bool written = cli_write(io->out, &out);
    buf_release(&out);
    return written && failed == 0 ? CLI_OK : CLI_FAILED;
}

int check_test(const struct cli_args *args, const struct cli_io *io)
{
    struct cli_args with_mapping = *args;
    struct mapping_cases cases;
    struct core_mapping mapping;
    struct config c;
    struct buf errors = { 0 };
    if (mapping_cases_load(args->test, &cases, &errors) < 0) {
        cli_mistakes(io, &errors, "test file");
        buf_release(&errors);
        return CLI_USAGE;
    }
    with_mapping.mapping = cases.mapping;
    int rc = cli_config(&with_mapping, io, &c, &mapping);
    if (rc == CLI_OK) {
        if (mapping.mapping != NULL) {
            /* As in explain: what the first socket receives. */
            assert(c.n_sockets > 0);
            c.protocol_gauge_sign = (int)c.sockets[0].gauge_sign;
            rc = run_cases(&c, &mapping, &cases, io);
        } else
            rc = cli_usage(io,
                           "%s names no mapping file: let its first element be "
                           "- mapping: FILE, or give --set prometheus.mapping=FILE",
                           args->test);
        core_mapping_release(&mapping);
        config_release(&c);
    }
    mapping_cases_release(&cases);
    return rc;
}
