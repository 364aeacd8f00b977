#include "send/procfs.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"

static bool read_file(const char *path, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    buf_clear(out);
    ssize_t n;
    do {
        n = read(fd, buf_reserve(out, 65536), 65536);
        out->len += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    close(fd);
    return n == 0;
}

double procfs_cpu_s(pid_t pid)
{
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) < 0)
        return -1;
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

uint64_t procfs_rss_bytes(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    struct buf b = { 0 };
    uint64_t pages = 0;
    if (read_file(path, &b)) {
        buf_append_char(&b, '\0');
        /* Numbers of the kernel's own, here and below: nothing that could overflow. */
        if (sscanf(b.ptr, "%*u %" SCNu64, &pages) != 1) /* NOLINT(cert-err34-c) */
            pages = 0;
    }
    buf_release(&b);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

struct udp_line {
    uint64_t queue, drops;
    unsigned long inode;
};

/*
 * sl  local_address rem_address   st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode ref
 * pointer drops
 */
static bool read_socket(struct slice line, uint16_t port, struct udp_line *ret)
{
    char text[512], address[64];
    snprintf(text, sizeof text, "%.*s", (int)(line.len < sizeof text ? line.len : sizeof text - 1),
             line.ptr);
    unsigned local_port;
    /* NOLINTNEXTLINE(cert-err34-c) */
    int n = sscanf(text,
                   " %*d: %63[0-9A-Fa-f]:%x %*s %*x %*x:%" SCNx64
                   " %*s %*s %*s %*s %lu %*s %*s %" SCNu64,
                   address, &local_port, &ret->queue, &ret->inode, &ret->drops);
    return n == 5 && local_port == port;
}

void procfs_udp_read(struct slice text, uint16_t port, struct procfs_udp *sum)
{
    struct slice line;
    struct udp_line one;
    while (slice_cut(&text, '\n', &line)) {
        if (!read_socket(line, port, &one))
            continue;
        sum->sockets++;
        sum->queue_bytes += one.queue;
        sum->drops += one.drops;
    }
}

unsigned procfs_udp_queues(uint16_t port, uint64_t *ret, unsigned max)
{
    struct udp_line at[PROCFS_UDP_QUEUES_MAX], one;
    struct buf b = { 0 };
    unsigned n = 0;
    if (!read_file("/proc/net/udp", &b))
        return 0;
    struct slice text = buf_slice(&b), line;
    while (n < PROCFS_UDP_QUEUES_MAX && slice_cut(&text, '\n', &line)) {
        if (!read_socket(line, port, &one))
            continue;
        unsigned i = n++;
        for (; i > 0 && at[i - 1].inode > one.inode; i--)
            at[i] = at[i - 1];
        at[i] = one;
    }
    n = n < max ? n : max;
    for (unsigned i = 0; i < n; i++)
        ret[i] = at[i].queue;
    buf_release(&b);
    return n;
}

bool procfs_udp(uint16_t port, struct procfs_udp *ret)
{
    struct procfs_udp sum = { 0 };
    struct buf b = { 0 };
    if (read_file("/proc/net/udp", &b))
        procfs_udp_read(buf_slice(&b), port, &sum);
    if (read_file("/proc/net/udp6", &b))
        procfs_udp_read(buf_slice(&b), port, &sum);
    buf_release(&b);
    *ret = sum;
    return sum.sockets > 0;
}
