#include "probe.h"

#include <math.h>
#include <stdio.h>

#include "send/procfs.h"

/* Which counter of /metrics tells which value. */
static const int from_metrics[PROBE_COUNT] = {
    [PROBE_DATAGRAMS] = SCRAPE_DATAGRAMS,
    [PROBE_DROPS] = SCRAPE_KERNEL_DROPS,
    [PROBE_LINES] = SCRAPE_LINES,
    [PROBE_SAMPLES_READ] = SCRAPE_SAMPLES_READ,
    [PROBE_AGGREGATED] = SCRAPE_SAMPLES_AGGREGATED,
    [PROBE_REJECTED] = SCRAPE_SAMPLES_REJECTED,
    [PROBE_REFUSED] = SCRAPE_SAMPLES_REFUSED,
    [PROBE_VALUES] = SCRAPE_VALUES_AGGREGATED,
    [PROBE_CPU_S] = SCRAPE_CPU_SECONDS,
    [PROBE_RSS_BYTES] = SCRAPE_RESIDENT_BYTES,
    [PROBE_QUEUE_BYTES] = -1,
    [PROBE_FLUSH_S] = SCRAPE_FLUSH_SECONDS,
    [PROBE_SERIES] = SCRAPE_SERIES,
};

static double read_number(const char *path)
{
    double v = NAN;
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return NAN;
    if (fscanf(f, "%lf", &v) != 1) /* NOLINT(cert-err34-c): a number of the kernel's own */
        v = NAN;
    (void)fclose(f);
    return v;
}

static void read_metrics(const struct scrape_counters *c, struct probe_reading *r)
{
    for (int i = 0; i < PROBE_COUNT; i++)
        if (from_metrics[i] >= 0 && c->has[from_metrics[i]])
            r->v[i] = c->v[from_metrics[i]];
    /* Counters with labels have no line while nothing has been counted. */
    if (c->has[SCRAPE_DATAGRAMS] && !c->has[SCRAPE_KERNEL_DROPS])
        r->v[PROBE_DROPS] = 0;
    if (c->has[SCRAPE_SAMPLES_READ] && !c->has[SCRAPE_SAMPLES_REJECTED])
        r->v[PROBE_REJECTED] = 0;
    r->counters = *c;
}

void probe_read(const struct probe *p, const struct scrape_counters *counters,
                struct probe_reading *ret)
{
    *ret = (struct probe_reading){ 0 };
    for (int i = 0; i < PROBE_COUNT; i++)
        ret->v[i] = NAN;
    if (counters != NULL)
        read_metrics(counters, ret);
    struct procfs_udp udp;
    if (p->port > 0 && procfs_udp(p->port, &udp)) {
        ret->v[PROBE_QUEUE_BYTES] = (double)udp.queue_bytes;
        if (isnan(ret->v[PROBE_DROPS]))
            ret->v[PROBE_DROPS] = (double)udp.drops;
    }
    if (p->received_file != NULL)
        ret->v[PROBE_DATAGRAMS] = read_number(p->received_file);
    if (p->stream)
        ret->v[PROBE_DATAGRAMS] = ret->v[PROBE_DROPS] = NAN;
    double cpu_s = p->pid > 0 ? procfs_cpu_s(p->pid) : -1;
    if (cpu_s >= 0) {
        ret->v[PROBE_CPU_S] = cpu_s;
        ret->v[PROBE_RSS_BYTES] = (double)procfs_rss_bytes(p->pid);
    }
}

int probe_scrape(const struct probe *p, struct probe_reading *ret)
{
    struct scrape_counters c;
    struct buf body = { 0 };
    int rc = p->has_metrics ? scrape_get(&p->metrics, 10000, &body) : 0;
    if (p->has_metrics && rc == 0)
        scrape_read(buf_slice(&body), p->metrics.samples, &c);
    buf_release(&body);
    probe_read(p, p->has_metrics && rc == 0 ? &c : NULL, ret);
    return rc;
}

void probe_since(const struct probe_reading *now, const struct probe_reading *before,
                 struct probe_reading *ret)
{
    struct probe_reading r = *now;
    for (int i = 0; i < PROBE_MONOTONIC; i++) {
        double more = now->v[i] - before->v[i];
        r.v[i] = more >= 0 ? more : NAN; /* less than before: the server was restarted */
    }
    r.counters.n_rejected = 0;
    for (size_t i = 0; i < now->counters.n_rejected; i++) {
        struct scrape_reason reason = now->counters.rejected[i];
        for (size_t k = 0; k < before->counters.n_rejected; k++)
            if (slice_eq(slice_str(before->counters.rejected[k].name), slice_str(reason.name)))
                reason.count -= before->counters.rejected[k].count;
        if (reason.count > 0)
            r.counters.rejected[r.counters.n_rejected++] = reason;
    }
    *ret = r;
}
