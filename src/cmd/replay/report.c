/*
 * What `statsd replay` says: a line each second, and the sums.
 */
#include "cmd/replay/replay.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "base/err.h"

void report_live(const struct replay_sums *now, const struct replay_sums *before, bool terminal,
                 struct buf *out)
{
    const struct outlet_totals *t = &now->sent, *was = &before->sent;
    double dt = now->elapsed_s - before->elapsed_s;
    dt = dt > 0 ? dt : 1;
    buf_printf(out, "%s%7.1f s  %" PRIu64 " packets  %.0f/s  %.0f lines/s  %.2f MB/s",
               terminal ? "\r\033[K" : "", now->elapsed_s, t->datagrams,
               (double)(t->datagrams - was->datagrams) / dt, (double)(t->amount - was->amount) / dt,
               (double)(t->bytes - was->bytes) * 1e-6 / dt);
    if (now->paced)
        buf_printf(out, "  lag %.3f s", now->lag_s);
    if (!isnan(now->part))
        buf_printf(out, "  %.1f %%", now->part * 100);
    if (t->failed + t->unreachable > 0)
        buf_printf(out, "  not taken %" PRIu64, t->failed + t->unreachable);
    if (!terminal)
        buf_append_char(out, '\n');
}

static void put(const char *name, uint64_t n, const char *what, struct buf *out)
{
    buf_printf(out, "  %-12s %14" PRIu64 "  %s\n", name, n, what);
}

static void put_if(const char *name, uint64_t n, const char *what, struct buf *out)
{
    if (n > 0)
        put(name, n, what, out);
}

static void put_input(const struct input_counts *c, struct buf *out)
{
    put("packets", c->packets, "in the file", out);
    for (size_t i = 0; i < INPUT_SKIP_COUNT; i++)
        put_if("skipped", c->skipped[i], input_skip_texts[i], out);
    put_if("fragments", c->fragments, "of longer packets", out);
    put_if(
        "incomplete", c->incomplete,
        "packets that lack a fragment; a filter lets all of them through that says: udp port 8125 "
        "or (ip[6:2] & 0x1fff != 0)",
        out);
    put_if("large", c->large,
           "datagrams longer than a packet: several, where the sender's network card cut them up",
           out);
}

static void put_sent(const struct replay_opts *o, const struct replay_sums *s, struct buf *out)
{
    const struct outlet_totals *t = &s->sent;
    put("datagrams", t->datagrams, o->dry_run ? "would be sent" : "sent", out);
    put("lines", t->amount, "", out);
    put("bytes", t->bytes, "", out);
    put_if("shifted", s->shifted, "timestamps, to now", out);
    put_if("squeezed", s->squeezed, "steps of the file's clock, back or of over an hour", out);
    put_if("pauses", t->pauses, "for room in the kernel or at the receiver", out);
    put_if("reconnects", t->reconnects, "of a stream that broke", out);
    put_if("refused", t->failed, err_text(t->error), out);
    put_if("unreachable", t->unreachable, err_text(t->error), out);
    if (t->receiver_dropped > 0)
        put("dropped", t->receiver_dropped, "datagrams, by the receiver's kernel: it was too slow",
            out);
    if (t->unfinished)
        buf_append_str(out, "  the receiver did not read the stream to its end\n");
}

void report_text(const struct replay_opts *o, const struct replay_sums *s, struct buf *out)
{
    buf_printf(out, "%s %s, %.3f s", o->dry_run ? "counted for" : "replayed to", o->target.text,
               s->elapsed_s);
    if (s->elapsed_s > 0 && !o->dry_run)
        buf_printf(out, ", %.0f lines/s", (double)s->sent.amount / s->elapsed_s);
    if (s->paced)
        buf_printf(out, ", at most %.3f s late", s->lag_most_s);
    if (o->loops > 1)
        buf_printf(out, ", %" PRIu64 " loops", s->loops);
    buf_append_str(out, s->interrupted ? ", interrupted\n" : "\n");
    put_input(&s->input, out);
    put_sent(o, s, out);
    if (s->sent.datagrams == 0)
        buf_append_str(out, "  nothing was there to be sent: see --port and --filter\n");
}

static json_t *number(uint64_t n)
{
    return json_integer((json_int_t)n);
}

static json_t *skipped(const struct input_counts *c)
{
    json_t *all = json_object();
    for (size_t i = 0; i < INPUT_SKIP_COUNT; i++)
        if (c->skipped[i] > 0)
            json_object_set_new(all, input_skip_names[i], number(c->skipped[i]));
    return all;
}

void report_json(const struct replay_opts *o, const struct replay_sums *s, struct buf *out)
{
    const struct outlet_totals *t = &s->sent;
    const struct {
        const char *name;
        uint64_t n;
    } rows[] = {
        { "packets", s->input.packets },
        { "fragments", s->input.fragments },
        { "incomplete", s->input.incomplete },
        { "large", s->input.large },
        { "datagrams", t->datagrams },
        { "lines", t->amount },
        { "bytes", t->bytes },
        { "loops", s->loops },
        { "shifted", s->shifted },
        { "squeezed", s->squeezed },
        { "damaged_files", s->damaged_files },
        { "pauses", t->pauses },
        { "reconnects", t->reconnects },
        { "refused", t->failed },
        { "unreachable", t->unreachable },
    };
    json_t *all = json_object();
    json_object_set_new(all, "to", json_string(o->target.text));
    json_object_set_new(all, "sent", json_boolean(!o->dry_run));
    json_object_set_new(all, "seconds", json_real(s->elapsed_s));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        json_object_set_new(all, rows[i].name, number(rows[i].n));
    json_object_set_new(all, "skipped", skipped(&s->input));
    json_object_set_new(all, "receiver_dropped",
                        t->receiver_known ? number(t->receiver_dropped) : json_null());
    json_object_set_new(all, "late_s", s->paced ? json_real(s->lag_most_s) : json_null());
    json_object_set_new(all, "error",
                        t->error != 0 ? json_string(err_text(t->error)) : json_null());
    json_object_set_new(all, "unfinished", json_boolean(t->unfinished));
    json_object_set_new(all, "interrupted", json_boolean(s->interrupted));
    char *text = json_dumps(all, JSON_REAL_PRECISION(9));
    if (text != NULL)
        buf_append_str(out, text);
    buf_append_char(out, '\n');
    free(text);
    json_decref(all);
}
