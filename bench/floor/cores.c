/*
 * How fast the threads of a receiver empty their sockets, which share a port: stop it, fill each
 * socket alike, let it go, and watch its CPU clock until that stands still.
 *
 *     cores --port N --pid N [--sockets N] [--datagrams N] [--senders even|one] [--from CORES]
 *           [--payload BYTES] [--series N] [--tags N] [--tag-values N] [--runs N]
 *
 *     --sockets    of the port
 *     --datagrams  for each socket; that many must fit
 *     --senders    even: one for each socket, found by trying; one: one sends all datagrams
 *     --from       cores, as in 1,0.  even: of each socket's sender, in the order in which the
 *                  sockets were made; one: an equal part of the datagrams is sent from each
 *
 * The sender's core matters: the memory of a queued datagram is given back on the core that took
 * it.  With a sender on another core than its reader, that part of the reading is done there.
 *
 * Prints the median over the runs of each figure.  `wall` is by the clock on the wall, which other
 * load on the cores makes worse; `cpu` is what the busiest thread would reach if it were never
 * kept waiting for a core.  Both are lines a second of all threads together.
 *
 *     once     one run: stop, fill, watch
 *     fill     fill_evenly: find_senders, send_n; or fill_by_one: send_n
 *     watch    the process's clock until it stands still; read_threads before and after
 *
 * Stops and continues the process with signals: for benchmarks on one's own machine.  The port must
 * be on 127.0.0.1.
 */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
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

enum { SOCKETS_MAX = 8, THREADS_MAX = 64, TRIES = 256 };

#define LOOK_US    500
#define QUIET_S    0.02 /* less than a tenth of a core for this long: the receiver has finished */
#define PATIENCE_S 30.0

struct thread_times {
    struct {
        int id;
        double cpu_s;
    } at[THREADS_MAX];
    unsigned n;
};

struct cores {
    int64_t port, pid, sockets, datagrams, payload, series, tags, tag_values, runs;
    int from[SOCKETS_MAX]; /* cores */
    unsigned n_from;
    bool one; /* sender for all sockets */
    struct target target;
    struct payload load;
    size_t next;                               /* datagram of the payload */
    struct target_socket senders[SOCKETS_MAX]; /* of each socket */
};

struct outcome {
    double lines, wall_s, busiest_s, all_s;
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

static struct procfs_udp sockets_of(const struct cores *c)
{
    struct procfs_udp u;
    procfs_udp((uint16_t)c->port, &u);
    return u;
}

/* ---- filling ---- */

static void go_to(int core)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)core, &set);
    sched_setaffinity(0, sizeof set, &set);
}

/* returns  0; -errno */
static int send_n(struct cores *c, struct target_socket *to, int64_t n, double *lines)
{
    const struct send_block block = payload_block(&c->load);
    while (n > 0) {
        size_t some = c->load.n - c->next < 64 ? c->load.n - c->next : 64;
        some = some < (size_t)n ? some : (size_t)n;
        struct target_sent s = c->target.kind->send(to, &block, c->next, some, 1);
        if (s.failed > 0)
            return -s.error;
        for (size_t k = 0; k < s.datagrams; k++)
            *lines += c->load.counts[c->next + k].lines;
        c->next = (c->next + s.datagrams) % c->load.n;
        n -= (int64_t)s.datagrams;
    }
    return 0;
}

/* Which socket grew between two looks; -1: none. */
static int grown(const uint64_t *before, const uint64_t *after, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (after[i] > before[i])
            return (int)i;
    return -1;
}

/* A sender for each socket: a new one's first datagram shows where it leads.  returns  0; -errno */
static int find_senders(struct cores *c, double *lines)
{
    uint64_t before[SOCKETS_MAX], after[SOCKETS_MAX];
    unsigned n = (unsigned)c->sockets, found = 0;
    for (int i = 0; i < TRIES && found < n; i++) {
        struct target_socket s;
        int rc = c->target.kind->open(&c->target, 4 << 20, &s);
        if (rc < 0)
            return rc;
        if (procfs_udp_queues((uint16_t)c->port, before, n) != n)
            rc = -ENOTCONN;
        if (rc == 0)
            rc = send_n(c, &s, 1, lines);
        if (rc == 0 && procfs_udp_queues((uint16_t)c->port, after, n) != n)
            rc = -ENOTCONN;
        int at = rc == 0 ? grown(before, after, n) : -1;
        bool keep = at >= 0 && c->senders[at].fd < 0;
        if (keep)
            c->senders[at] = s;
        else
            close(s.fd);
        if (rc < 0)
            return rc;
        found += keep;
    }
    return found == n ? 0 : -ENOTCONN;
}

static int fill_by_one(struct cores *c, double *lines)
{
    int64_t all = c->datagrams * c->sockets;
    int rc = c->target.kind->open(&c->target, 4 << 20, &c->senders[0]);
    for (unsigned i = 0; rc == 0 && i < c->n_from; i++) {
        go_to(c->from[i]);
        rc = send_n(c, &c->senders[0], all * (i + 1) / c->n_from - all * i / c->n_from, lines);
    }
    return rc;
}

static int fill_evenly(struct cores *c, double *lines)
{
    int rc = find_senders(c, lines);
    for (int i = 0; rc == 0 && i < c->sockets; i++) {
        go_to(c->from[i]);
        rc = send_n(c, &c->senders[i], c->datagrams, lines);
    }
    return rc;
}

/* returns  0; -ENOBUFS: the kernel dropped some; -errno */
static int fill(struct cores *c, double *lines)
{
    uint64_t drops = sockets_of(c).drops;
    for (int i = 0; i < SOCKETS_MAX; i++)
        c->senders[i].fd = -1;
    int rc = c->one ? fill_by_one(c, lines) : fill_evenly(c, lines);
    for (int i = 0; i < SOCKETS_MAX; i++)
        if (c->senders[i].fd >= 0)
            close(c->senders[i].fd);
    return rc == 0 && sockets_of(c).drops != drops ? -ENOBUFS : rc;
}

/* ---- watching ---- */

/* Exact for threads that are not running. */
static void read_threads(const struct cores *c, struct thread_times *t)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)c->pid);
    DIR *dir = opendir(path);
    t->n = 0;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is ours alone */
    for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL && t->n < THREADS_MAX;) {
        char at[400];
        unsigned long long ns = 0;
        snprintf(at, sizeof at, "%s/%s/schedstat", path, e->d_name);
        FILE *f = e->d_name[0] != '.' ? fopen(at, "re") : NULL;
        if (f == NULL)
            continue;
        if (fscanf(f, "%llu", &ns) == 1) {    /* NOLINT(cert-err34-c): the kernel's own number */
            t->at[t->n].id = atoi(e->d_name); /* NOLINT(cert-err34-c) */
            t->at[t->n++].cpu_s = (double)ns * 1e-9;
        }
        (void)fclose(f);
    }
    if (dir != NULL)
        closedir(dir);
}

static double before_of(const struct thread_times *t, int id)
{
    for (unsigned i = 0; i < t->n; i++)
        if (t->at[i].id == id)
            return t->at[i].cpu_s;
    return 0;
}

static void compare_threads(const struct thread_times *before, const struct thread_times *after,
                            struct outcome *o)
{
    for (unsigned i = 0; i < after->n; i++) {
        double spent = after->at[i].cpu_s - before_of(before, after->at[i].id);
        o->all_s += spent;
        o->busiest_s = spent > o->busiest_s ? spent : o->busiest_s;
    }
}

/* The clock is looked at seldom: this process needs a core that a receiver is on. */
static int watch(const struct cores *c, struct outcome *o)
{
    struct thread_times before, after;
    read_threads(c, &before);
    uint64_t from_ns = now_mono_ns(), busy_ns = from_ns, looked_ns = from_ns;
    double cpu = procfs_cpu_s((pid_t)c->pid);
    kill((pid_t)c->pid, SIGCONT);
    while (seconds_since(busy_ns) < QUIET_S || sockets_of(c).queue_bytes > 0) {
        if (seconds_since(from_ns) > PATIENCE_S)
            return -ETIMEDOUT;
        sleep_us(LOOK_US);
        double now = procfs_cpu_s((pid_t)c->pid);
        if ((now - cpu) / seconds_since(looked_ns) > 0.1)
            busy_ns = now_mono_ns();
        cpu = now;
        looked_ns = now_mono_ns();
    }
    o->wall_s = (double)(busy_ns - from_ns) * 1e-9;
    read_threads(c, &after);
    compare_threads(&before, &after, o);
    return 0;
}

static int once(struct cores *c, struct outcome *o)
{
    if (kill((pid_t)c->pid, SIGSTOP) < 0)
        return -errno;
    sleep_us(5000);
    int rc = fill(c, &o->lines);
    if (rc == 0)
        return watch(c, o);
    kill((pid_t)c->pid, SIGCONT);
    return rc;
}

/* ---- life ---- */

static bool parse_from(struct cores *c, struct slice list)
{
    bool more = true;
    for (c->n_from = 0; more && c->n_from < SOCKETS_MAX; c->n_from++) {
        struct slice one = list;
        int64_t core;
        more = slice_cut(&list, ',', &one);
        if (!number_parse_int(one, &core) || core < 0 || core >= CPU_SETSIZE)
            return false;
        c->from[c->n_from] = (int)core;
    }
    return !more;
}

static int parse(struct cores *c, int argc, char **argv)
{
    const struct {
        const char *name;
        int64_t *at;
    } numbers[] = { { "--port", &c->port },       { "--pid", &c->pid },
                    { "--sockets", &c->sockets }, { "--datagrams", &c->datagrams },
                    { "--payload", &c->payload }, { "--series", &c->series },
                    { "--tags", &c->tags },       { "--tag-values", &c->tag_values },
                    { "--runs", &c->runs } };
    for (int i = 1; i + 1 < argc; i += 2) {
        bool known = strcmp(argv[i], "--senders") == 0;
        if (known)
            c->one = strcmp(argv[i + 1], "one") == 0;
        if (strcmp(argv[i], "--from") == 0)
            known = parse_from(c, slice_str(argv[i + 1]));
        for (size_t k = 0; k < ARRAY_LEN(numbers); k++)
            if (strcmp(argv[i], numbers[k].name) == 0)
                known = number_parse_int(slice_str(argv[i + 1]), numbers[k].at);
        if (!known)
            return -EINVAL;
    }
    bool ok = argc % 2 == 1 && c->port > 0 && c->port < 65536 && c->pid > 1 && c->series > 0 &&
              c->datagrams > 0 && c->payload >= 0 && c->tags >= 0 && c->tag_values > 0 &&
              c->runs > 0 && c->runs <= MICRO_RUNS_MAX && c->sockets > 0 &&
              c->sockets <= SOCKETS_MAX && (c->one || c->n_from == c->sockets);
    return ok ? 0 : -EINVAL;
}

static int prepare(struct cores *c)
{
    char address[64];
    struct payload_spec s = { .seed = 1,
                              .series = (uint32_t)c->series,
                              .tags = (uint32_t)c->tags,
                              .tag_values = (uint32_t)c->tag_values,
                              .bytes = (uint32_t)c->payload,
                              .packed = 1,
                              .rate = 1,
                              .set_members = 1000,
                              .prefix = "bench.",
                              .suffix = "",
                              .values = { VALUES_LOGNORMAL, 100, 1 } };
    snprintf(address, sizeof address, "udp://127.0.0.1:%d", (int)c->port);
    int rc = mix_parse(SLICE_LIT("c=60,ms=30,g=10"), &s.mix);
    if (rc == 0)
        rc = target_parse(address, &c->target);
    return rc == 0 ? payload_init(&c->load, &s) : rc;
}

int main(int argc, char **argv)
{
    struct cores c = { .payload = 1432,
                       .series = 10000,
                       .sockets = 1,
                       .n_from = 1,
                       .datagrams = 40000,
                       .tags = 3,
                       .tag_values = 50,
                       .runs = 1 };
    if (parse(&c, argc, argv) < 0 || prepare(&c) < 0) {
        fputs("usage: cores --port N --pid N [--sockets N] [--datagrams N] [--senders even|one] "
              "[--from CORES] [--payload BYTES] [--series N] [--tags N] [--tag-values N] "
              "[--runs N]\n",
              stderr);
        return 2;
    }
    /* Before the receiver, which may have been given a high priority; without leave, among all. */
    (void)sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ .sched_priority = 2 });
    struct micro wall = { 0 }, cpu = { 0 }, each = { 0 }, share = { 0 };
    for (int i = 0; i < c.runs; i++) {
        struct outcome o = { 0 };
        int rc = once(&c, &o);
        if (rc < 0) {
            fprintf(stderr, "cores: %s\n", err_text(rc));
            return 1;
        }
        micro_add(&wall, o.lines / o.wall_s);
        micro_add(&cpu, o.lines / o.busiest_s);
        micro_add(&each, o.all_s / o.lines * 1e9);
        micro_add(&share, o.busiest_s / o.all_s);
    }
    micro_print("wall", micro_median(&wall), "lines/s");
    micro_print("cpu", micro_median(&cpu), "lines/s");
    micro_print("cpu_per_line", micro_median(&each), "us per 1,000 lines");
    micro_print("busiest", micro_median(&share), "of all threads' CPU");
    payload_release(&c.load);
    return 0;
}
