/*
 * How fast a receiver empties a full socket: stop it, fill its receive buffer until the kernel
 * drops, let it go, and watch /proc/net/udp until the queue is empty and its CPU clock stands
 * still.  The same for any server, without its help.
 *
 *     drain --port N --pid N [--payload BYTES] [--series N] [--runs N] [--types MIX] [--tags N]
 *           [--tag-values N] [--max N]
 *
 * Prints the medians.  Stops and continues the process with signals: for benchmarks on one's own
 * machine.  The port must be on 127.0.0.1.
 */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "../micro.h"
#include "base/err.h"
#include "base/now.h"
#include "base/number.h"
#include "payload.h"
#include "send/procfs.h"
#include "send/target.h"

#define QUIET_S    0.02 /* less than a tenth of a core for this long: the receiver has finished */
#define PATIENCE_S 30.0

struct drain {
    int64_t port, pid, payload, series, runs, tags, tag_values, max;
    const char *types;
    struct target target;
    struct payload load;
    double lines_total; /* that reached the queue, over all runs */
    size_t next;        /* datagram of the payload: runs go on where the last one ended */
};

struct outcome {
    double datagrams, lines, seconds, busy_seconds, cpu_s;
};

static void sleep_us(long us)
{
    struct timespec t = { .tv_nsec = us * 1000 };
    nanosleep(&t, NULL);
}

static double seconds_since(uint64_t from_ns)
{
    return (double)(now_mono_ns() - from_ns) * 1e-9;
}

/* Nobody at the port: all zero. */
static struct procfs_udp socket_of(const struct drain *d)
{
    struct procfs_udp u;
    procfs_udp((uint16_t)d->port, &u);
    return u;
}

/* returns  0; -errno */
static int send_some(struct drain *d, struct target_socket *to, double *lines, double *sent)
{
    size_t n = d->load.n - d->next < 64 ? d->load.n - d->next : 64;
    const struct send_block block = payload_block(&d->load);
    struct target_sent s = d->target.kind->send(to, &block, d->next, n, 1);
    for (size_t k = 0; k < s.datagrams; k++)
        *lines += d->load.counts[d->next + k].lines;
    *sent += (double)s.datagrams;
    d->next = (d->next + s.datagrams) % d->load.n;
    return s.failed > 0 ? -s.error : 0;
}

/* Send until the kernel drops (or max is reached).   returns  0; -errno */
static int fill(struct drain *d, struct outcome *o)
{
    struct procfs_udp before = socket_of(d), now = before;
    double lines = 0, sent = 0;
    struct target_socket to;
    int rc = d->target.kind->open(&d->target, 4 << 20, &to);
    if (rc < 0)
        return rc;
    for (; rc == 0 && now.drops == before.drops && (d->max == 0 || sent < (double)d->max);
         now = socket_of(d)) {
        for (int i = 0; i < 8 && rc == 0; i++)
            rc = send_some(d, &to, &lines, &sent);
    }
    close(to.fd);
    if (rc < 0)
        return rc;
    o->datagrams = sent - (double)(now.drops - before.drops);
    o->lines = lines / sent * o->datagrams;
    d->lines_total += o->lines;
    return 0;
}

/* A server may have taken the datagrams into queues of its own: it is done when it no longer
 * computes. */
static int watch(const struct drain *d, struct outcome *o)
{
    double cpu_before = procfs_cpu_s((pid_t)d->pid);
    uint64_t from_ns = now_mono_ns();
    kill((pid_t)d->pid, SIGCONT);
    while (socket_of(d).queue_bytes > 0) {
        if (seconds_since(from_ns) > PATIENCE_S)
            return -ETIMEDOUT;
        sleep_us(200);
    }
    o->seconds = seconds_since(from_ns);
    uint64_t busy_ns = now_mono_ns(), looked_ns = busy_ns;
    double cpu = procfs_cpu_s((pid_t)d->pid);
    o->cpu_s = cpu - cpu_before;
    while (seconds_since(busy_ns) < QUIET_S && seconds_since(from_ns) < PATIENCE_S) {
        sleep_us(2000);
        double now = procfs_cpu_s((pid_t)d->pid);
        if ((now - cpu) / seconds_since(looked_ns) > 0.1) {
            busy_ns = now_mono_ns();
            o->cpu_s = now - cpu_before;
        }
        cpu = now;
        looked_ns = now_mono_ns();
    }
    o->busy_seconds = (double)(busy_ns - from_ns) * 1e-9;
    return 0;
}

static int once(struct drain *d, struct outcome *o)
{
    if (kill((pid_t)d->pid, SIGSTOP) < 0)
        return -errno;
    sleep_us(5000);
    int rc = fill(d, o);
    if (rc < 0) {
        kill((pid_t)d->pid, SIGCONT);
        return rc;
    }
    return watch(d, o);
}

static int parse(struct drain *d, int argc, char **argv)
{
    const struct {
        const char *name;
        int64_t *at;
    } numbers[] = { { "--port", &d->port },
                    { "--pid", &d->pid },
                    { "--payload", &d->payload },
                    { "--series", &d->series },
                    { "--runs", &d->runs },
                    { "--tags", &d->tags },
                    { "--tag-values", &d->tag_values },
                    { "--max", &d->max } };
    for (int i = 1; i + 1 < argc; i += 2) {
        bool known = strcmp(argv[i], "--types") == 0;
        if (known)
            d->types = argv[i + 1];
        for (size_t k = 0; k < ARRAY_LEN(numbers); k++)
            if (strcmp(argv[i], numbers[k].name) == 0)
                known = number_parse_int(slice_str(argv[i + 1]), numbers[k].at);
        if (!known)
            return -EINVAL;
    }
    bool ok = argc % 2 == 1 && d->port > 0 && d->port < 65536 && d->pid > 1 && d->series > 0 &&
              d->runs > 0 && d->runs <= MICRO_RUNS_MAX && d->payload >= 0 && d->tag_values > 0 &&
              d->tags >= 0 && d->tags <= PAYLOAD_TAGS_MAX;
    return ok ? 0 : -EINVAL;
}

static int prepare(struct drain *d)
{
    char address[64];
    struct payload_spec s = { .seed = 1,
                              .series = (uint32_t)d->series,
                              .tags = (uint32_t)d->tags,
                              .tag_values = (uint32_t)d->tag_values,
                              .bytes = (uint32_t)d->payload,
                              .packed = 1,
                              .rate = 1,
                              .set_members = 1000,
                              .prefix = "bench.",
                              .suffix = "",
                              .values = { VALUES_LOGNORMAL, 100, 1 } };
    snprintf(address, sizeof address, "udp://127.0.0.1:%d", (int)d->port);
    int rc = mix_parse(slice_str(d->types), &s.mix);
    if (rc == 0)
        rc = target_parse(address, &d->target);
    return rc == 0 ? payload_init(&d->load, &s) : rc;
}

int main(int argc, char **argv)
{
    struct drain d = { .payload = 1432,
                       .series = 10000,
                       .runs = 5,
                       .tags = 3,
                       .tag_values = 50,
                       .types = "c=60,ms=30,g=10" };
    if (parse(&d, argc, argv) < 0 || prepare(&d) < 0) {
        fputs("usage: drain --port N --pid N [--payload BYTES] [--series N] [--runs N] "
              "[--types MIX] [--tags N] [--tag-values N] [--max N]\n",
              stderr);
        return 2;
    }
    struct micro datagrams = { 0 }, rate = { 0 }, lines = { 0 }, cpu = { 0 }, busy = { 0 };
    for (int i = 0; i <= d.runs; i++) {
        struct outcome o = { 0 };
        int rc = once(&d, &o);
        if (rc < 0) {
            fprintf(stderr, "drain: %s\n", err_text(rc));
            return 1;
        }
        if (i == 0)
            continue; /* first sight of all series */
        micro_add(&datagrams, o.datagrams);
        micro_add(&rate, o.datagrams / o.seconds);
        micro_add(&lines, o.lines / o.seconds);
        micro_add(&busy, o.lines / o.busy_seconds);
        micro_add(&cpu, o.cpu_s / o.lines * 1e9);
    }
    micro_print("datagrams", micro_median(&datagrams), "datagrams");
    micro_print("datagram_rate", micro_median(&rate), "datagrams/s");
    micro_print("line_rate", micro_median(&lines), "lines/s");
    micro_print("line_rate_until_idle", micro_median(&busy), "lines/s");
    micro_print("lines_total", d.lines_total, "lines");
    micro_print("cpu", micro_median(&cpu), "us per 1,000 lines");
    payload_release(&d.load);
    return 0;
}
