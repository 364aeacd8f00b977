/**
 * `statsd explain`: how a datagram is understood.
 *
 *   read_datagram, join_lines   one datagram of standard input, of the arguments
 *   read_stream                 or a stream (--framing line, dsd)
 *
 * The rest is explain/explain.h's.
 */
#include "cmd/cli.h"

#include <assert.h>
#include <errno.h>

#include "base/err.h"
#include "base/mem.h"
#include "explain/explain.h"
#include "listen/socket_url.h"
#include "protocol/parse.h"

/* returns  0 or -errno of the read */
static int read_stream(struct explain *e, FILE *in, enum framing_kind kind)
{
    char chunk[4096];
    size_t n;
    bool whole = true;
    explain_stream_begin(e, kind);
    while (whole && (n = fread(chunk, 1, sizeof chunk, in)) > 0)
        whole = explain_stream_push(e, slice_of(chunk, n));
    int rc = ferror(in) ? -errno : 0;
    explain_stream_end(e);
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

static int explain(struct explain *e, const struct cli_args *args, const struct cli_io *io)
{
    int rc = 0;
    struct buf text = { 0 };
    if (args->framing != NULL && strcmp(args->framing, "datagram") != 0) {
        bool dsd = strcmp(args->framing, "dsd") == 0;
        rc = read_stream(e, io->in, dsd ? FRAMING_DSD : FRAMING_LINE);
    } else {
        if (args->n_rest > 0)
            join_lines(args, &text);
        else
            rc = read_datagram(io->in, &text);
        explain_datagram(e, buf_slice(&text), args->truncated);
        buf_clear(&text);
    }
    bool good = rc == 0 && explain_finish(e, &text);
    if (rc < 0)
        fprintf(io->err, "statsd: cannot read standard input: %s\n", err_text(rc));
    else
        good = cli_write(io->out, &text) && good;
    buf_release(&text);
    return good ? CLI_OK : CLI_FAILED;
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
    struct explain *e =
        explain_new(&c, &mapping, args->json ? EXPLAIN_JSON : EXPLAIN_TEXT, &explain_all);
    rc = explain(e, args, io);
    explain_free(e);
    core_mapping_release(&mapping);
    config_release(&c);
    return rc;
}
