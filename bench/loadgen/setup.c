/*
 * In this order, each in a function that complains of its own options:
 *
 *     --to                         make_target
 *     --rate, --shape, ...         make_shape      a named shape, or a CSV file
 *     --series, --payload, ...     make_payload    every datagram, built now
 *     --metrics, --pid, ...        make_probe      is there something to watch?
 *     --json, --csv, --html        try_files       can the reports be written?
 */
#include "setup.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "send/procfs.h"
#include "words.h"

/* returns  false, for the caller to pass on */
static __attribute__((format(printf, 2, 3))) bool complain(struct setup *s, const char *format, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    buf_append_str(&s->error, text);
    return false;
}

static int read_text(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return -errno;
    size_t n;
    while ((n = fread(buf_reserve(out, 4096), 1, 4096, f)) > 0)
        out->len += n;
    int rc = ferror(f) ? -EIO : 0;
    (void)fclose(f);
    return rc;
}

/* --framing and ?framing= are the same; o learns which it is. */
static bool make_framing(struct setup *s, struct opts *o)
{
    enum send_framing wanted = s->target.framing;
    if (o->framing != NULL)
        wanted = strcmp(o->framing, "dsd") == 0 ? SEND_FRAMES : SEND_LINES;
    if (wanted != s->target.framing && strchr(o->to, '?') != NULL)
        return complain(s, "--framing %s is not that of --to %s", o->framing, o->to);
    s->target.framing = wanted;
    o->framing = wanted == SEND_FRAMES ? "dsd" : "line";
    return true;
}

static bool make_target(struct setup *s, struct opts *o)
{
    int rc = target_parse(o->to, &s->target);
    if (rc == -ENOENT)
        return complain(s, "--to: no such host: %s", o->to);
    if (rc < 0)
        return complain(s,
                        "--to is udp://HOST:PORT, unixgram:///PATH, tcp://HOST:PORT or "
                        "unix:///PATH (@NAME for an abstract socket), not this: %s",
                        o->to);
    if (!s->target.kind->stream && (o->framing != NULL || o->connections > 0))
        return complain(s, "--%s is of streams, tcp:// and unix://; %s has datagrams%s",
                        o->framing != NULL ? "framing" : "connections", s->target.kind->name,
                        o->framing != NULL ? "" : ": --sockets");
    return !s->target.kind->stream || make_framing(s, o);
}

static bool make_csv_shape(struct setup *s, struct opts *o)
{
    struct buf text = { 0 };
    unsigned line = 0;
    int rc = read_text(o->shape, &text);
    if (rc < 0) {
        buf_release(&text);
        return complain(s,
                        "--shape %s is neither constant, ramp, steps, spike, sine nor a file: %s",
                        o->shape, err_text(rc));
    }
    rc = shape_init_csv(&s->shape, buf_slice(&text), &line);
    buf_release(&text);
    if (rc < 0 && line == 0)
        return complain(s, "--shape %s: no line of second,rate", o->shape);
    if (rc < 0)
        return complain(s, "--shape %s: line %u is not second,rate in ascending order", o->shape,
                        line);
    o->duration_s = shape_end(&s->shape);
    return o->duration_s > 0 ||
           complain(s, "--shape: the file lasts no time, its last second is 0: %s", o->shape);
}

static bool make_shape(struct setup *s, struct opts *o)
{
    struct shape_spec spec = { .rate = o->rate,
                               .rate_to = o->rate_to,
                               .duration_s = o->duration_s,
                               .period_s = isnan(o->period_s) ? 0 : o->period_s,
                               .steps = o->steps };
    return shape_init(&s->shape, o->shape, &spec) == 0 || make_csv_shape(s, o);
}

/*
 * Lines of a datagram at most.  Datagrams are whole, so of a load so small that one of them is more
 * than 2 % of it they hold fewer lines than fit.   returns  0: as many as fit
 */
static uint32_t lines_max(const struct setup *s, const struct opts *o)
{
    if (o->datagram_rate || o->find_max || o->gso > 1)
        return 0;
    double most = 0.02 * shape_total(&s->shape, o->duration_s);
    if (!(most < 65536))
        return 0;
    return most < 1 ? 1 : (uint32_t)most;
}

static bool make_payload(struct setup *s, const struct opts *o, size_t block_max)
{
    const struct target_kind *kind = s->target.kind;
    struct payload_spec spec = { .seed = o->seed,
                                 .series = o->series,
                                 .tags = o->tags,
                                 .tag_values = o->tag_values,
                                 .skew = o->skew,
                                 .bytes = o->payload,
                                 .most = lines_max(s, o),
                                 .packed = o->packed,
                                 .rate = o->sample_rate,
                                 .set_members = o->set_members,
                                 .lines = o->pool_lines,
                                 .block_max = block_max,
                                 .pad = o->gso > 1,
                                 .framing = s->target.framing,
                                 .prefix = o->prefix,
                                 .suffix = o->suffix };
    if (mix_parse(slice_str(o->types), &spec.mix) < 0)
        return complain(s, "--types is a list like c=60,ms=30,g=10 of c ms g s h d");
    if (values_parse(slice_str(o->values), &spec.values) < 0)
        return complain(s, "--values is constant:V, uniform:FROM:TO or lognormal:MEDIAN:SIGMA");
    if (o->gso > 1 && !kind->gso)
        return complain(s, "--gso is for UDP only");
    if (o->payload > target_datagram_max(&s->target))
        return complain(s, "--payload %" PRIu32 " is more than a %s of %s holds: at most %zu",
                        o->payload, words_unit(o), kind->name, target_datagram_max(&s->target));
    const int rc = payload_init(&s->payload, &spec);
    if (rc == -EFBIG)
        return complain(s,
                        "all lines together are more than %zu MiB, at most from here; fewer "
                        "--series or --pool-lines, or fewer --tags or --packed",
                        block_max >> 20);
    if (rc < 0)
        return complain(s,
                        "--payload %" PRIu32 ": a line of %" PRIu32 " bytes does not fit; a larger "
                        "one, or fewer --tags or --packed",
                        o->payload, s->payload.longest);
    return true;
}

static bool make_probe(struct setup *s, const struct opts *o, struct probe *p)
{
    *p = (struct probe){ .has_metrics = o->metrics != NULL,
                         .pid = (pid_t)o->pid,
                         .received_file = o->received_file,
                         .stream = s->target.kind->stream };
    if (s->target.kind->kernel_drops && s->target.here)
        p->port = s->target.port;
    if (o->metrics != NULL && scrape_url_parse(o->metrics, &p->metrics) < 0)
        return complain(s, "--metrics is an address like http://127.0.0.1:9102/metrics: %s",
                        o->metrics);
    if (o->pid > 0 && procfs_cpu_s((pid_t)o->pid) < 0)
        return complain(s, "--pid %" PRIu32 ": no such process on this machine", o->pid);
    if (o->received_file != NULL && p->stream)
        return complain(s, "--received-file holds a number of datagrams; %s has none", o->to);
    if (o->received_file != NULL && access(o->received_file, R_OK) < 0)
        return complain(s, "--received-file %s: %s", o->received_file, err_text(errno));
    snprintf(p->metrics.samples, sizeof p->metrics.samples, "%s", o->samples_metric);
    return true;
}

static bool try_files(struct setup *s, const struct opts *o)
{
    const char *const path[] = { o->json, o->csv, o->html };
    static const char *const name[] = { "json", "csv", "html" };
    for (size_t i = 0; i < ARRAY_LEN(path); i++) {
        if (path[i] == NULL)
            continue;
        FILE *f = fopen(path[i], "ae");
        if (f == NULL)
            return complain(s, "--%s %s: %s", name[i], path[i], err_text(errno));
        (void)fclose(f);
    }
    return true;
}

bool setup_init(struct setup *s, struct opts *o, size_t block_max)
{
    *s = (struct setup){ 0 };
    if (!make_target(s, o) || !make_shape(s, o) || !make_payload(s, o, block_max) ||
        !make_probe(s, o, &s->run.probe) || !try_files(s, o))
        return false;
    s->run.payload = &s->payload;
    s->run.scrape_interval_s = o->scrape_interval_s;
    s->run.sender = (struct sender_opts){ .target = &s->target,
                                          .shape = isinf(o->rate) ? NULL : &s->shape,
                                          .by_datagram = o->datagram_rate,
                                          .duration_s = o->duration_s,
                                          .threads = o->threads,
                                          .sockets = o->sockets,
                                          .connections = o->connections,
                                          .batch = o->batch,
                                          .segments = o->gso,
                                          .send_buffer_bytes = (int)o->send_buffer };
    return true;
}

void setup_release(struct setup *s)
{
    payload_release(&s->payload);
    shape_release(&s->shape);
    buf_release(&s->error);
}
