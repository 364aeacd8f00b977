/**
 * `statsd explain`: how a datagram is understood.
 *
 *   explain
 *     read_datagram, join_lines   one datagram of standard input, of the arguments
 *     take_stream                 or frames of a stream (--framing line, dsd), each as a datagram
 *       take_datagram             JSON: as a whole; text: line by line, each with what it says
 *     finish_text, finish_json    the sums, and what /metrics would show
 *
 * What is found is explain_core's, how it is shown to people explain_text's.
 */
#include "cmd/cli.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "cmd/explain_core.h"
#include "cmd/explain_text.h"
#include "listen/socket_url.h"
#include "protocol/framing.h"

struct explaining {
    struct explain_core *core;
    bool json;
    /* Sums over the lines of the text form; the JSON form needs none. */
    uint64_t samples, events, checks, errors;
    struct buf out;
};

static void show_lines(struct explaining *e, struct slice rest, bool truncated)
{
    struct slice line;
    while (rest.len > 0) {
        bool whole = slice_cut(&rest, '\n', &line);
        if (!whole) {
            line = rest;
            rest.len = 0;
        }
        explain_core_datagram(e->core, line.ptr, line.len, truncated && !whole);
        explain_text_line(e->core, line, &e->out);
        e->samples += json_array_size(e->core->samples);
        e->events += json_array_size(e->core->events);
        e->checks += json_array_size(e->core->checks);
        e->errors += e->core->n_errors;
        explain_core_clear(e->core);
    }
}

static void take_datagram(struct explaining *e, const char *ptr, size_t len, bool truncated)
{
    if (e->json)
        explain_core_datagram(e->core, ptr, len, truncated);
    else
        show_lines(e, slice_of(ptr, len), truncated);
}

static void take_frame(void *cookie, const char *ptr, size_t len)
{
    take_datagram(cookie, ptr, len, false);
}

static void take_frame_error(struct explaining *e, enum reason r, uint32_t n)
{
    for (uint32_t i = 0; r != REASON_NONE && i < n; i++)
        explain_core_error(e->core, r);
    if (!e->json) {
        explain_text_errors(e->core, &e->out);
        e->errors += e->core->n_errors;
        explain_core_clear(e->core);
    }
}

/* Frames end where the protocol says, errors of framing are told where they come up.
 * returns  0 or -errno of the read */
static int take_stream(struct explaining *e, FILE *in, enum framing_kind kind)
{
    struct framing f;
    char chunk[4096];
    size_t n;
    int rc = 0;
    char *room = mem_alloc(FRAMING_ROOM);
    framing_init(&f, kind, room);
    while (!f.broken && (n = fread(chunk, 1, sizeof chunk, in)) > 0) {
        uint32_t errors = 0;
        enum reason r = framing_push(&f, chunk, n, take_frame, e, &errors);
        take_frame_error(e, r, errors > 0 ? errors : 1);
    }
    if (ferror(in))
        rc = -errno;
    if (!f.broken)
        take_frame_error(e, framing_end(&f, true, take_frame, e), 1);
    free(room);
    return rc;
}

/* Reads a byte more than a datagram can have, so that the caller sees whether there was more.
 * returns  0 or -errno of the read */
static int read_datagram(FILE *in, struct buf *ret)
{
    char *room = buf_reserve(ret, DATAGRAM_MAX + 1);
    ret->len = fread(room, 1, DATAGRAM_MAX + 1, in);
    return ferror(in) ? -errno : 0;
}

static void join_lines(const struct cli_args *args, struct buf *ret)
{
    for (size_t i = 0; i < args->n_rest; i++) {
        if (i > 0)
            buf_append_char(ret, '\n');
        buf_append_str(ret, args->rest[i]);
    }
}

static void finish_json(struct explaining *e)
{
    struct explain_core *x = e->core;
    json_t *j = json_object(), *reasons = json_array();
    struct buf exposition = { 0 };
    for (size_t i = 0; i < x->n_errors; i++)
        json_array_append_new(reasons, json_string(reason_name(x->errors[i].reason)));
    explain_core_exposition(x, &exposition);
    json_object_set_new(j, "expect", json_string(explain_core_expect(x)));
    json_object_set(j, "samples", x->samples);
    if (json_array_size(x->rules) > 0)
        json_object_set(j, "rules", x->rules);
    json_object_set(j, "events", x->events);
    json_object_set(j, "checks", x->checks);
    json_object_set_new(j, "errors", json_integer((json_int_t)x->n_errors));
    json_object_set_new(j, "reasons", reasons);
    json_object_set_new(j, "tag_errors", json_integer((json_int_t)x->tag_errors));
    json_object_set_new(j, "unknown_fields", json_integer((json_int_t)x->unknown_fields));
    json_object_set_new(j, "not_finite",
                        json_integer((json_int_t)explain_core_refused(x).not_finite));
    json_object_set_new(j, "no_room", json_integer((json_int_t)explain_core_refused(x).no_room));
    json_object_set_new(j, "exposition",
                        json_stringn(exposition.len ? exposition.ptr : "", exposition.len));
    char *text = json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(17));
    if (text != NULL)
        buf_append_str(&e->out, text);
    buf_append_char(&e->out, '\n');
    free(text);
    buf_release(&exposition);
    json_decref(j);
}

static void finish_text(struct explaining *e)
{
    struct buf exposition = { 0 };
    explain_core_exposition(e->core, &exposition);
    buf_printf(&e->out, "\nsamples %llu, events %llu, service checks %llu, errors %llu\n",
               (unsigned long long)e->samples, (unsigned long long)e->events,
               (unsigned long long)e->checks, (unsigned long long)e->errors);
    if (exposition.len > 0) {
        buf_append_str(&e->out, "\non /metrics:\n");
        buf_append_slice(&e->out, buf_slice(&exposition));
        buf_append_char(&e->out, '\n');
    }
    explain_text_off_page(e->core, &e->out);
    buf_release(&exposition);
}

static int explain(struct explaining *e, const struct cli_args *args, const struct cli_io *io)
{
    int rc = 0;
    if (args->framing != NULL && strcmp(args->framing, "datagram") != 0) {
        bool dsd = strcmp(args->framing, "dsd") == 0;
        rc = take_stream(e, io->in, dsd ? FRAMING_DSD : FRAMING_LINE);
    } else {
        struct buf datagram = { 0 };
        if (args->n_rest > 0)
            join_lines(args, &datagram);
        else
            rc = read_datagram(io->in, &datagram);
        bool cut = datagram.len > DATAGRAM_MAX;
        take_datagram(e, datagram.len ? datagram.ptr : "", cut ? DATAGRAM_MAX : datagram.len,
                      cut || args->truncated);
        buf_release(&datagram);
    }
    if (rc < 0) {
        fprintf(io->err, "statsd: cannot read standard input: %s\n", err_text(rc));
        return CLI_FAILED;
    }
    bool wrong = e->errors > 0 || e->core->n_errors > 0;
    if (e->json)
        finish_json(e);
    else
        finish_text(e);
    wrong = wrong || explain_core_refused(e->core).not_finite > 0;
    return cli_write(io->out, &e->out) && !wrong ? CLI_OK : CLI_FAILED;
}

int explain_main(const struct cli_args *args, const struct cli_io *io)
{
    static const char *const framings[] = { "datagram", "line", "dsd" };
    bool known = args->framing == NULL;
    bool stream = args->framing != NULL && strcmp(args->framing, "datagram") != 0;
    struct config c;
    struct core_mapping mapping;
    for (size_t i = 0; i < ARRAY_LEN(framings); i++)
        known = known || strcmp(args->framing, framings[i]) == 0;
    if (!known)
        return cli_usage(io, "--framing is one of datagram, line, dsd");
    if (stream && args->n_rest > 0)
        return cli_usage(io, "--framing line and dsd read standard input; leave LINE out");
    if (stream && args->truncated)
        return cli_usage(io, "--truncated is for a datagram; a stream is never cut by the kernel");
    int rc = cli_config(args, io, &c, &mapping);
    if (rc != CLI_OK)
        return rc;
    /* The first socket may differ from the config; what it receives is what is explained. */
    assert(c.n_sockets > 0);
    c.protocol_gauge_sign = (int)c.sockets[0].gauge_sign;
    struct explaining e = { .core = explain_core_new(&c, &mapping), .json = args->json };
    rc = explain(&e, args, io);
    explain_core_free(e.core);
    buf_release(&e.out);
    core_mapping_release(&mapping);
    config_release(&c);
    return rc;
}
